import { exchangeRecords } from "./domain-records.ts";
import { tenantMxReplies } from "./replies/tenant-mx.ts";
import { fact, rule, sinceEver, steady } from "./rules.ts";
import type { Service } from "./service.ts";
import { sources } from "./sources.ts";
import { tenantMxProfile } from "./tenant-mx-profile.ts";

const id = (name: string) => `connector.${name}`;

/** SMTP relay: an inbound connector of type OnPremises knows us by certificate or by address. */
export const connector: Service = {
  kind: "connector",
  title: "SMTP relay by connector",
  profile: {
    ...tenantMxProfile("connector"),
    tls: steady(id("tls"), "Encryption", "required", sources.multifunction, {
      note: "Optional where the address is matched, needed by nature where a certificate is; recommended always.",
    }),
    external: steady(id("external"), "Takes recipients outside the tenant", true, sources.relayRules),
    senderRule: steady(id("sender-rule"), "Who may be the sender", "accepted-domain", sources.relayRules),
    keepsReversePath: steady(id("keeps-reverse-path"), "Keeps the reverse-path", true, sources.relayRules, {
      note: "A foreign domain relayed by certificate is rewritten (SRS) to the default domain.",
    }),
    countsForTenant: steady(id("counts-for-tenant"), "External recipients count for the tenant's limit", true, sources.terrl, {
      note: "What is relayed outward does.",
    }),
    takesNullReversePath: steady(id("null-reverse-path"), "Takes the null reverse-path", true, sources.relayRules, {
      status: "unverified",
      note: "By certificate; by address the domain of MAIL FROM decides and there is none.",
    }),
  },
  facts: {
    "relay-right": fact(id("relay-right"), "Right to relay to the internet", [
      rule("certificate, MAIL FROM, From or RCPT TO domain is accepted", sinceEver, sources.relayRules, { validTo: "2023-11-01" }),
      rule(
        "certificate or MAIL FROM domain is accepted, and certificate or address fits a connector of type OnPremises",
        "2023-11-01",
        sources.relayRules,
        {
          announcedOn: "2023-06-19",
        },
      ),
    ]),
    attribution: fact(id("attribution"), "Order of evidence", [
      rule("certificate domain, then MAIL FROM domain, then RCPT TO domain", "2026-02-04", sources.attribution),
    ]),
    rate: fact(id("rate"), "How much may be relayed", [
      rule("1,200 and 3,600 an hour, 10,000 a day", sinceEver, sources.zeroTolerance, {
        supersededOn: "2026-08-13",
        status: "field",
        note: "As a deck of 2025 tells it; the first two are limits of receiving, the third is of a mailbox.",
      }),
      rule('"reasonable limits"', sinceEver, sources.multifunction, {
        announcedOn: "2026-08-13",
        note: "External recipients count for the tenant's limit; addresses are throttled by reputation.",
      }),
    ]),
    encryption: fact(id("encryption"), "Whether the service demands encryption", [
      rule("required, TLS 1.2", sinceEver, sources.multifunctionBlog, { supersededOn: "2026-01-01", status: "field" }),
      rule("optional where the address is matched", sinceEver, sources.multifunction, { announcedOn: "2026-01-01" }),
    ]),
    "sender-addresses": steady(id("sender-addresses"), "Addresses of a connector", "IPv4, single or /24 to /32", sources.connectors),
  },
  domainRecords: exchangeRecords("connector"),
  // "Reasonable limits" have no number: what is refused (4.7.5xx) slows the route down. External recipients count for the tenant (tenant.ts).
  limits: [],
  replies: tenantMxReplies,
};
