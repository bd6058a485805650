import { connectorFacts } from "./connector-facts.ts";
import { connectorReplies } from "./tenant-mx-replies.ts";
import { profileOf } from "./profile.ts";
import { rule } from "./rule.ts";
import type { Service } from "./service.ts";
import { sources as s } from "./sources.ts";

/** Relay through the tenant's MX: an inbound connector of type OnPremises knows us by certificate or address. */
export const connector: Service = {
  kind: "connector",
  title: "SMTP relay by connector",
  profile: profileOf("connector", {
    hosts: [rule([], s.directSendNames, { note: "the target of the tenant's MX record; never pin it" })],
    ports: [rule([25], s.devices)],
    tls: [
      rule("opportunistic", s.devices, {
        note: "a certificate match needs STARTTLS by nature; a deck of 2025 says required, TLS 1.2 only",
      }),
    ],
    minTlsVersion: [rule("TLSv1.2", s.hvePreviewTable)],
    sasl: [rule([], s.devices, { note: "no AUTH is offered at the tenant's MX" })],
    tokenScope: [rule(null, s.devices)],
    maxRecipients: [
      rule(200, s.submission, { note: "of one domain from outside, beyond it 452 4.5.3; for relay nothing else is published" }),
    ],
    maxSize: [rule(150 * 1_048_576, s.remembered)],
    maxConnections: [rule(null, s.remembered, { note: "no number published" })],
    maxMessagesPerConnection: [rule(null, s.remembered, { note: "no number published" })],
    external: [rule(true, s.relay2023)],
    internal: [rule(true, s.relay2023)],
    senderRule: [
      rule("accepted-domain", s.relay2023, {
        note: "by certificate, a foreign MAIL FROM is rewritten (SRS) to the tenant's default domain",
      }),
    ],
    keepsReversePath: [rule(true, s.relay2023)],
    takesNullReversePath: [rule(true, s.remembered, { note: "with a certificate; by address there is no domain to be recognised by" })],
    savesToSentItems: [rule(false, s.devices)],
    metered: [rule(true, s.terrl2025, { note: "external recipients count against the tenant's limit" })],
    price: [rule(null, s.devices)],
  }),
  facts: connectorFacts,
  replies: connectorReplies,
};
