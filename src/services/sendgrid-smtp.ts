import { sendgridSmtpReplies } from "./replies/sendgrid-smtp.ts";
import { fact, rule, sinceEver, steady } from "./rules.ts";
import type { Service } from "./service.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `sendgrid-smtp.${name}`;

/** Twilio SendGrid by SMTP. Not an Exchange path: no tenant limit, no transport rule, no Sent Items. */
export const sendgridSmtp: Service = {
  kind: "sendgrid-smtp",
  title: "SendGrid, SMTP",
  profile: {
    hosts: steady(id("hosts"), "Host names", ["smtp.sendgrid.net"], sources.sendgridSmtp),
    ports: steady(id("ports"), "Ports", [587, 2525, 25, 465], sources.sendgridSmtp, { note: "465 is TLS from the first byte." }),
    tls: steady(id("tls"), "Encryption", "required", sources.sendgridSmtp, { note: "SendGrid takes plain too; a key must not travel so." }),
    minTlsVersion: steady(id("min-tls-version"), "Lowest TLS version", "TLSv1.2", sources.sendgridSmtp, { status: "unverified" }),
    sasl: steady(id("sasl"), "Ways to log in", ["PLAIN", "LOGIN"], sources.sendgridSmtp, { note: "The user is literally apikey." }),
    tokenScope: steady(id("token-scope"), "OAuth scope", null, sources.sendgridSmtp),
    maxRecipients: steady(id("recipients-per-message"), "Recipients in one message", 1000, sources.sendgridErrors),
    maxSize: steady(id("message-size"), "Largest message", 30 * 1024 * 1024, sources.sendgridErrors, { unit: "bytes" }),
    maxConnections: steady(id("connections"), "Connections at a time", null, sources.sendgridSmtp, { status: "unverified" }),
    maxMessagesPerConnection: steady(id("messages-per-connection"), "Messages over one connection", 5000, sources.sendgridSmtp),
    external: steady(id("external"), "Takes recipients outside the tenant", true, sources.sendgridSmtp),
    internal: steady(id("internal"), "Takes recipients of the tenant", true, sources.sendgridSmtp),
    senderRule: steady(id("sender-rule"), "Who may be the sender", "verified", sources.sendgridErrors),
    keepsReversePath: steady(id("keeps-reverse-path"), "Keeps the reverse-path", false, sources.sendgridSmtp, {
      status: "unverified",
      note: "With domain authentication the return-path is SendGrid's own.",
    }),
    takesNullReversePath: steady(id("null-reverse-path"), "Takes the null reverse-path", false, sources.sendgridSmtp, {
      status: "unverified",
    }),
    savesToSentItems: steady(id("sent-items"), "Saves a copy to Sent Items", false, sources.sendgridSmtp),
    countsForTenant: steady(id("counts-for-tenant"), "External recipients count for the tenant's limit", false, sources.terrl),
    metered: steady(id("metered"), "Counts or costs, so that a doubtful message is not repeated", true, sources.sendgridPrice),
    price: steady(id("price"), "Price", null, sources.sendgridPrice, {
      status: "field",
      note: "By plan: from USD 19.95 a month for 50,000 mails.",
    }),
  },
  facts: {
    plan: fact(id("plan"), "Without a paid plan", [
      rule("100 mails a day for good", sinceEver, sources.sendgridPrice, { validTo: "2025-03-25" }),
      rule("60 days of trial with 100 mails a day, then none", "2025-03-25", sources.sendgridPrice),
    ]),
    permission: steady(id("permission"), "Scope of the key", "mail.send", sources.sendgridSmtp),
  },
  domainRecords: {
    // SPF is of the return-path, which is SendGrid's own with domain authentication.
    dkimSelectors: steady<readonly string[]>(id("dkim-selectors"), "Selectors of DKIM", ["s1", "s2"], sources.sendgridSmtp, {
      status: "unverified",
    }),
  },
  // The plan's number is the operator's: `plan` of the route.
  limits: [],
  replies: sendgridSmtpReplies,
};
