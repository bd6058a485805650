import { profileOf } from "./profile.ts";
import { rule } from "./rule.ts";
import type { Service } from "./service.ts";
import { smartHostFacts } from "./smart-host-facts.ts";
import { smartHostReplies } from "./smart-host-replies.ts";
import { sources as s } from "./sources.ts";

/** Exchange Server on-premises, or any smart host: its own rules. The limits are the defaults of Exchange's Receive connectors, all settable. */
export const smartHost: Service = {
  kind: "smart-host",
  title: "Smart host or Exchange Server on-premises",
  profile: profileOf("smart-host", {
    hosts: [rule([], s.remembered, { note: "the operator names it" })],
    ports: [rule([25, 587], s.remembered)],
    tls: [rule("opportunistic", s.remembered)],
    minTlsVersion: [rule("TLSv1.2", s.remembered)],
    sasl: [rule(["PLAIN", "LOGIN"], s.remembered, { note: "if it wants a log-in at all" })],
    tokenScope: [rule(null, s.remembered)],
    maxRecipients: [rule(200, s.remembered, { note: "of an Exchange frontend Receive connector" })],
    maxSize: [rule(null, s.remembered, { note: "what the host says in SIZE; an Exchange organisation takes 10 MB by default" })],
    maxConnections: [rule(null, s.remembered)],
    maxMessagesPerConnection: [rule(null, s.remembered)],
    external: [rule(true, s.remembered)],
    internal: [rule(true, s.remembered)],
    senderRule: [rule("any", s.remembered)],
    keepsReversePath: [rule(true, s.remembered)],
    takesNullReversePath: [rule(true, s.rfc5321)],
    savesToSentItems: [rule(false, s.remembered)],
    metered: [rule(false, s.remembered)],
    price: [rule(null, s.remembered)],
  }),
  facts: smartHostFacts,
  replies: smartHostReplies,
};
