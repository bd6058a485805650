import { profileOf } from "./profile.ts";
import { rule } from "./rule.ts";
import type { Service } from "./service.ts";
import { smtpAuthFacts } from "./smtp-auth-facts.ts";
import { smtpAuthReplies } from "./smtp-auth-replies.ts";
import { sources as s } from "./sources.ts";

/** SMTP AUTH client submission of Exchange Online: a mailbox logs in, by password or token, and sends as itself or as whom it may. */
export const smtpAuth: Service = {
  kind: "smtp-auth",
  title: "SMTP AUTH client submission",
  profile: profileOf("smtp-auth", {
    hosts: [
      rule(["smtp.office365.com", "smtp-legacy.office365.com"], s.submission, {
        note: "smtp-legacy takes TLS 1.0 and 1.1, only when the tenant sets AllowLegacyTLSClients",
      }),
    ],
    ports: [rule([587, 25], s.devices)],
    tls: [rule("required", s.devices)],
    minTlsVersion: [rule("TLSv1.2", s.submission)],
    sasl: [rule(["XOAUTH2", "LOGIN"], s.oauthSmtp, { note: "PLAIN is not offered" })],
    tokenScope: [rule("https://outlook.office365.com/.default", s.oauthSmtp)],
    maxRecipients: [rule(500, s.powershell, { note: "the default; tenant and mailbox may set 1 to 1,000; a distribution group counts 1" })],
    maxSize: [rule(35 * 1_048_576, s.exoLimits, { note: "the default for sending; settable up to 150 MB (for SMTP AUTH unverified)" })],
    maxConnections: [rule(3, s.submission, { note: "of one mailbox; beyond it 432 4.3.2" })],
    maxMessagesPerConnection: [rule(null, s.remembered, { note: "no number published" })],
    external: [rule(true, s.devices)],
    internal: [rule(true, s.devices)],
    senderRule: [rule("send-as", s.submission)],
    keepsReversePath: [rule(false, s.remembered, { note: "the reverse-path has to be the mailbox or one it may send as" })],
    takesNullReversePath: [rule(false, s.remembered)],
    savesToSentItems: [rule(true, s.devices)],
    metered: [rule(true, s.exoLimits, { note: "counts against the mailbox's recipients a day and the tenant's external recipients" })],
    price: [rule(null, s.exoLimits, { note: "in the licence of the mailbox" })],
  }),
  facts: smtpAuthFacts,
  replies: smtpAuthReplies,
};
