import { mxReplies } from "./replies/mx.ts";
import { steady } from "./rules.ts";
import type { Service } from "./service.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `mx.${name}`;

/** Directly to the recipients' own servers. What is fixed is the protocol's; what receivers want is their own (facts of receivers.ts). */
export const mx: Service = {
  kind: "mx",
  title: "Direct to MX",
  profile: {
    hosts: steady<readonly string[]>(id("hosts"), "Host names", [], sources.rfc5321, { note: "The MX of each recipient's domain." }),
    ports: steady(id("ports"), "Ports", [25], sources.rfc5321, {
      note: "Azure virtual machines cannot open it but under an enterprise agreement.",
    }),
    tls: steady(id("tls"), "Encryption", "opportunistic", sources.rfc5321, {
      note: "MTA-STS and DANE demand more where a domain publishes them.",
    }),
    minTlsVersion: steady(id("min-tls-version"), "Lowest TLS version", "TLSv1.2", sources.rfc5321, { status: "unverified" }),
    sasl: steady(id("sasl"), "Ways to log in", [], sources.rfc5321),
    tokenScope: steady(id("token-scope"), "OAuth scope", null, sources.rfc5321),
    maxRecipients: steady(id("recipients-per-message"), "Recipients in one envelope", 100, sources.rfc5321, {
      note: "What every server must take.",
    }),
    maxSize: steady(id("message-size"), "Largest message", null, sources.rfc5321, { unit: "bytes", note: "What each server says (SIZE)." }),
    maxConnections: steady(id("connections"), "Connections at a time", null, sources.rfc5321),
    maxMessagesPerConnection: steady(id("messages-per-connection"), "Messages over one connection", null, sources.rfc5321),
    external: steady(id("external"), "Takes recipients outside the tenant", true, sources.rfc5321),
    internal: steady(id("internal"), "Takes recipients of the tenant", true, sources.rfc5321),
    senderRule: steady(id("sender-rule"), "Who may be the sender", "any", sources.rfc5321, {
      note: "SPF and DKIM of the domain must name us.",
    }),
    keepsReversePath: steady(id("keeps-reverse-path"), "Keeps the reverse-path", true, sources.rfc5321),
    takesNullReversePath: steady(id("null-reverse-path"), "Takes the null reverse-path", true, sources.rfc5321),
    savesToSentItems: steady(id("sent-items"), "Saves a copy to Sent Items", false, sources.rfc5321),
    countsForTenant: steady(id("counts-for-tenant"), "External recipients count for the tenant's limit", false, sources.terrl),
    metered: steady(id("metered"), "Counts or costs, so that a doubtful message is not repeated", false, sources.rfc5321),
    price: steady(id("price"), "Price", null, sources.rfc5321),
  },
  facts: {},
  // Receivers name none, but what makes a bulk sender (receivers.ts).
  limits: [],
  replies: mxReplies,
};
