import { mxFacts } from "./mx-facts.ts";
import { mxReplies } from "./mx-replies.ts";
import { profileOf } from "./profile.ts";
import { rule } from "./rule.ts";
import type { Service } from "./service.ts";
import { sources as s } from "./sources.ts";

/** Straight to each destination's MX: no service between, so what holds is what receivers publish. */
export const mx: Service = {
  kind: "mx",
  title: "Direct to MX",
  profile: profileOf("mx", {
    hosts: [rule([], s.rfc5321, { note: "DNS says it for each destination" })],
    ports: [rule([25], s.rfc5321)],
    tls: [rule("opportunistic", s.rfc5321, { note: "MTA-STS and DANE of a destination make it required" })],
    minTlsVersion: [rule("TLSv1.2", s.remembered)],
    sasl: [rule([], s.rfc5321)],
    tokenScope: [rule(null, s.rfc5321)],
    maxRecipients: [rule(100, s.rfc5321, { note: "§4.5.3.1.8: what every receiver has to take" })],
    maxSize: [rule(null, s.rfc5321, { note: "what the receiver says in SIZE" })],
    maxConnections: [rule(null, s.rfc5321)],
    maxMessagesPerConnection: [rule(null, s.rfc5321)],
    external: [rule(true, s.rfc5321)],
    internal: [rule(true, s.rfc5321)],
    senderRule: [rule("any", s.rfc5321)],
    keepsReversePath: [rule(true, s.rfc5321)],
    takesNullReversePath: [rule(true, s.rfc5321)],
    savesToSentItems: [rule(false, s.rfc5321)],
    metered: [rule(false, s.rfc5321)],
    price: [rule(null, s.rfc5321)],
  }),
  facts: mxFacts,
  replies: mxReplies,
};
