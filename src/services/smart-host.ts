import { smartHostReplies } from "./replies/smart-host.ts";
import { fact, rule, sinceEver, steady } from "./rules.ts";
import type { Service } from "./service.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `smart-host.${name}`;

/** A server of one's own: Exchange Server on-premises, or any other smart host. Its limits are its administrator's. */
export const smartHost: Service = {
  kind: "smart-host",
  title: "Exchange Server on-premises or another smart host",
  profile: {
    hosts: steady<readonly string[]>(id("hosts"), "Host names", [], sources.exchangeDefaults, { note: "The operator names it." }),
    ports: steady(id("ports"), "Ports", [25, 587], sources.exchangeDefaults),
    tls: steady(id("tls"), "Encryption", "opportunistic", sources.exchangeDefaults),
    minTlsVersion: steady(id("min-tls-version"), "Lowest TLS version", "TLSv1.2", sources.exchangeDefaults, { status: "unverified" }),
    sasl: steady(id("sasl"), "Ways to log in", ["PLAIN", "LOGIN"], sources.exchangeDefaults, { note: "Or none: anonymous, by address." }),
    tokenScope: steady(id("token-scope"), "OAuth scope", null, sources.exchangeDefaults),
    maxRecipients: steady(id("recipients-per-message"), "Recipients in one message", 200, sources.exchangeDefaults, {
      status: "unverified",
      note: "Front-end default; 5,000 on the hub; can be set.",
    }),
    maxSize: steady(id("message-size"), "Largest message", null, sources.exchangeDefaults, {
      unit: "bytes",
      status: "unverified",
      note: "What the server says itself; defaults 36 MB at the connector, 10 MB in the organisation.",
    }),
    maxConnections: steady(id("connections"), "Connections at a time", null, sources.exchangeDefaults, { status: "unverified" }),
    maxMessagesPerConnection: steady(id("messages-per-connection"), "Messages over one connection", null, sources.exchangeDefaults, {
      status: "unverified",
    }),
    external: steady(id("external"), "Takes recipients outside the tenant", true, sources.exchangeDefaults, {
      note: "Where its receive connector allows it: else 550 5.7.54.",
    }),
    internal: steady(id("internal"), "Takes recipients of the tenant", true, sources.exchangeDefaults),
    senderRule: steady(id("sender-rule"), "Who may be the sender", "any", sources.exchangeDefaults, { note: "Its own rules." }),
    keepsReversePath: steady(id("keeps-reverse-path"), "Keeps the reverse-path", true, sources.exchangeDefaults),
    takesNullReversePath: steady(id("null-reverse-path"), "Takes the null reverse-path", true, sources.exchangeDefaults),
    savesToSentItems: steady(id("sent-items"), "Saves a copy to Sent Items", false, sources.comparison),
    countsForTenant: steady(id("counts-for-tenant"), "External recipients count for the tenant's limit", false, sources.terrl, {
      note: "Unless it relays through Exchange Online: throughTenant of the route.",
    }),
    metered: steady(id("metered"), "Counts or costs, so that a doubtful message is not repeated", false, sources.exchangeDefaults),
    price: steady(id("price"), "Price", null, sources.exchangeDefaults),
  },
  facts: {
    "support-2016-2019": fact(id("support-2016-2019"), "Exchange Server 2016 and 2019", [
      rule("supported", sinceEver, sources.onPremises, { validTo: "2025-10-14" }),
      rule("out of support, paid extension (ESU)", "2025-10-14", sources.onPremises, { validTo: "2026-11-01" }),
      rule("out of support, the last extension has ended", "2026-11-01", sources.onPremises),
    ]),
    "outdated-server": steady(
      id("outdated-server"),
      "Out-of-date servers on an OnPremises connector",
      "throttled (450 4.7.230), then blocked (550 5.7.230); can be paused for 90 days a year",
      sources.onPremisesEnforcement,
    ),
  },
  // Its administrator knows: `limits` of the configuration.
  limits: [],
  replies: smartHostReplies,
};
