import { directSendFacts } from "./direct-send-facts.ts";
import { profileOf } from "./profile.ts";
import { rule } from "./rule.ts";
import type { Service } from "./service.ts";
import { sources as s } from "./sources.ts";
import { directSendReplies } from "./tenant-mx-replies.ts";

/** Anonymous mail to the tenant's own MX: internal recipients, full inbound filtering, unless the tenant rejects it. */
export const directSend: Service = {
  kind: "direct-send",
  title: "Direct Send",
  profile: profileOf("direct-send", {
    hosts: [rule([], s.directSendNames, { note: "the target of the recipients' MX record" })],
    ports: [rule([25], s.devices)],
    tls: [rule("opportunistic", s.devices)],
    minTlsVersion: [rule("TLSv1.2", s.remembered)],
    sasl: [rule([], s.devices)],
    tokenScope: [rule(null, s.devices)],
    maxRecipients: [rule(200, s.submission, { note: "of one domain from outside, beyond it 452 4.5.3" })],
    maxSize: [rule(150 * 1_048_576, s.remembered)],
    maxConnections: [rule(null, s.remembered, { note: "inbound throttling, no number published" })],
    maxMessagesPerConnection: [rule(null, s.remembered, { note: "no number published" })],
    external: [rule(false, s.devices)],
    internal: [rule(true, s.devices)],
    senderRule: [rule("accepted-domain", s.directSend, { note: "that is what makes it Direct Send and not ordinary inbound mail" })],
    keepsReversePath: [rule(true, s.devices)],
    takesNullReversePath: [rule(true, s.rfc5321)],
    savesToSentItems: [rule(false, s.devices)],
    metered: [rule(false, s.devices)],
    price: [rule(null, s.devices, { note: "free" })],
  }),
  facts: directSendFacts,
  replies: directSendReplies,
};
