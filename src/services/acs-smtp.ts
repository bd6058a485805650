import { acsSmtpFacts } from "./acs-smtp-facts.ts";
import { acsSmtpReplies } from "./acs-smtp-replies.ts";
import { profileOf } from "./profile.ts";
import { rule } from "./rule.ts";
import type { Service } from "./service.ts";
import { sources as s } from "./sources.ts";

/** Azure Communication Services Email by SMTP: configured senders of verified domains, a quota for the whole subscription, and an end date. */
export const acsSmtp: Service = {
  kind: "acs-smtp",
  title: "Azure Communication Services Email (SMTP)",
  profile: profileOf("acs-smtp", {
    hosts: [rule(["smtp.azurecomm.net"], s.acsDocs)],
    ports: [rule([587, 25], s.acsDocs)],
    tls: [rule("required", s.acsDocs)],
    minTlsVersion: [rule("TLSv1.2", s.acsDocs)],
    sasl: [
      rule(["LOGIN", "XOAUTH2"], s.acsDocs, { note: "PLAIN is not offered; the password is a client secret of the Entra application" }),
    ],
    tokenScope: [rule("https://communication.azure.com/.default", s.acsDocs)],
    maxRecipients: [rule(50, s.acsLimits, { note: "to, cc and bcc together; a deck says it can be raised to 200, unverified" })],
    maxSize: [rule(10 * 1_048_576, s.acsLimits, { note: "after base64; up to 30 MB by ticket" })],
    maxConnections: [rule(250, s.acsLimits, { note: "authenticated, of the subscription" })],
    maxMessagesPerConnection: [rule(null, s.remembered, { note: "no number published" })],
    external: [rule(true, s.acsDocs)],
    internal: [rule(true, s.acsDocs)],
    senderRule: [rule("verified", s.acsDocs)],
    keepsReversePath: [rule(false, s.remembered)],
    takesNullReversePath: [rule(false, s.remembered, { note: "the sender has to be a configured sender of a linked domain" })],
    savesToSentItems: [rule(false, s.acsDocs)],
    metered: [rule(true, s.acsPrice)],
    price: [rule({ perRecipientUsd: 0.000_25, perMegabyteUsd: 0.000_12 }, s.acsPrice, { note: "no free grant" })],
  }),
  facts: acsSmtpFacts,
  replies: acsSmtpReplies,
};
