import { profileOf } from "./profile.ts";
import { rule } from "./rule.ts";
import { sendgridSmtpFacts } from "./sendgrid-smtp-facts.ts";
import { sendgridSmtpReplies } from "./sendgrid-smtp-replies.ts";
import type { Service } from "./service.ts";
import { sources as s } from "./sources.ts";

/** Twilio SendGrid by SMTP: an API key logs in as `apikey`; senders are verified identities. Not an Exchange path. */
export const sendgridSmtp: Service = {
  kind: "sendgrid-smtp",
  title: "Twilio SendGrid (SMTP)",
  profile: profileOf("sendgrid-smtp", {
    hosts: [rule(["smtp.sendgrid.net"], s.sendgridDocs)],
    ports: [rule([587, 2525, 25, 465], s.sendgridDocs, { note: "465 with TLS from the first byte" })],
    tls: [rule("required", s.sendgridDocs, { note: "the service itself also takes plain connections; a key goes out encrypted only" })],
    minTlsVersion: [rule("TLSv1.2", s.remembered)],
    sasl: [rule(["PLAIN", "LOGIN"], s.sendgridDocs)],
    tokenScope: [rule(null, s.sendgridDocs)],
    maxRecipients: [rule(1000, s.sendgridDocs)],
    maxSize: [rule(30 * 1_048_576, s.sendgridDocs)],
    maxConnections: [rule(null, s.remembered)],
    maxMessagesPerConnection: [rule(5000, s.sendgridDocs)],
    external: [rule(true, s.sendgridDocs)],
    internal: [rule(true, s.sendgridDocs)],
    senderRule: [rule("verified", s.sendgridDocs)],
    keepsReversePath: [rule(false, s.sendgridDocs, { note: "with domain authentication it sets a return-path of its own" })],
    takesNullReversePath: [rule(false, s.remembered, { note: "the sender has to be a verified identity" })],
    savesToSentItems: [rule(false, s.sendgridDocs)],
    metered: [rule(true, s.sendgridPrices)],
    price: [rule(null, s.sendgridPrices, { note: "by plan, not by message" })],
  }),
  facts: sendgridSmtpFacts,
  replies: sendgridSmtpReplies,
};
