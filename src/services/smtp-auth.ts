import { exchangeRecords } from "./domain-records.ts";
import { dayMs, minuteMs, type CountedLimit } from "./counted.ts";
import { fact, rule, sinceEver, steady } from "./rules.ts";
import { smtpAuthReplies } from "./replies/smtp-auth.ts";
import type { Service } from "./service.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `smtp-auth.${name}`;
const megabyte = 1024 * 1024;

/** What a tenant gets by default where Basic authentication for SMTP AUTH is concerned. */
export type BasicAuth =
  /** As the tenant and the mailbox switch say. */
  | "by-switch"
  /** Off unless an administrator switches it on again. */
  | "off-by-default"
  /** Part of the connections is refused. */
  | "partly-refused"
  /** Refused, no way back. */
  | "removed";

/** What a mailbox counts by whatever way its mail leaves. */
export const mailboxLimits: readonly CountedLimit[] = [
  // MS smtp-submission-improvements (2025-06-12): the surplus is taken and delayed, so that sending it faster gains nothing.
  { fact: id("messages-per-minute"), unit: "messages", windowMs: minuteMs, per: "mailbox", atOnce: 0.2, fullCodes: [] },
  { fact: id("recipients-per-day"), unit: "recipients", windowMs: dayMs, per: "mailbox", atOnce: 1, fullCodes: ["quota.mailbox"] },
];

/** Client submission at smtp.office365.com. */
export const smtpAuth: Service = {
  kind: "smtp-auth",
  title: "SMTP AUTH client submission",
  profile: {
    hosts: steady(id("hosts"), "Host names", ["smtp.office365.com", "smtp-legacy.office365.com"], sources.smtpSubmission, {
      note: "smtp-legacy takes TLS 1.0 and 1.1, only for tenants that allow it (Set-TransportConfig -AllowLegacyTLSClients).",
    }),
    ports: steady(id("ports"), "Ports", [587, 25], sources.smtpSubmission),
    tls: steady(id("tls"), "Encryption", "required", sources.smtpSubmission),
    minTlsVersion: steady(id("min-tls-version"), "Lowest TLS version", "TLSv1.2", sources.smtpSubmission),
    sasl: steady(id("sasl"), "Ways to log in", ["XOAUTH2", "LOGIN"], sources.oauthSmtp, { note: "PLAIN is not offered." }),
    tokenScope: steady(id("token-scope"), "OAuth scope", "https://outlook.office365.com/.default", sources.oauthSmtp),
    maxRecipients: steady(id("recipients-per-message"), "Recipients in one message", 500, sources.recipientLimits, {
      note: "Tenant and mailbox can set 1 to 1,000; a distribution group of the directory counts as one.",
    }),
    maxSize: steady(id("message-size"), "Largest message", 35 * megabyte, sources.exchangeLimits, {
      unit: "bytes",
      note: "Can be set up to 150 MB; whether that holds for SMTP AUTH is unverified.",
    }),
    maxConnections: steady(id("connections"), "Connections at a time for one mailbox", 3, sources.smtpSubmission),
    maxMessagesPerConnection: steady(id("messages-per-connection"), "Messages over one connection", null, sources.smtpSubmission, {
      status: "unverified",
    }),
    external: steady(id("external"), "Takes recipients outside the tenant", true, sources.comparison),
    internal: steady(id("internal"), "Takes recipients of the tenant", true, sources.comparison),
    senderRule: steady(id("sender-rule"), "Who may be the sender", "send-as", sources.smtpSubmission),
    keepsReversePath: steady(id("keeps-reverse-path"), "Keeps the reverse-path", true, sources.smtpSubmission, { status: "unverified" }),
    takesNullReversePath: steady(id("null-reverse-path"), "Takes the null reverse-path", false, sources.smtpSubmission, {
      status: "unverified",
    }),
    savesToSentItems: steady(id("sent-items"), "Saves a copy to Sent Items", true, sources.comparison),
    countsForTenant: steady(id("counts-for-tenant"), "External recipients count for the tenant's limit", true, sources.terrl),
    metered: steady(id("metered"), "Counts or costs, so that a doubtful message is not repeated", true, sources.smtpSubmission),
    price: steady(id("price"), "Price", null, sources.comparison, { note: "In the mailbox's licence." }),
  },
  facts: {
    "messages-per-minute": steady(id("messages-per-minute"), "Messages a minute for one mailbox", 30, sources.smtpSubmission, {
      note: "More are not refused: they are accepted and delayed into the next minutes.",
    }),
    "recipients-per-day": steady(id("recipients-per-day"), "Recipients in 24 hours for one mailbox", 10_000, sources.exchangeLimits, {
      note: "Internal and external together; a sliding window.",
    }),
    "external-recipients-per-day": fact(id("external-recipients-per-day"), "External recipients in 24 hours for one mailbox", [
      rule<number | null>(null, sinceEver, sources.exchangeLimits, { note: "None." }),
      rule<number | null>(2000, "2025-01-01", sources.merrlPlan, {
        announcedOn: "2024-04-15",
        supersededOn: "2025-01-01",
        note: "The Mailbox External Recipient Rate Limit. It was put off: the day of that announcement is not known, this is the last possible.",
      }),
      rule<number | null>(2000, "2026-10-01", sources.zeroTolerance, {
        announcedOn: "2025-01-01",
        cancelledOn: "2026-01-06",
        note: "New and trial tenants from April 2026 (a deck says October 2025), all from October 2026: 8,000 internal and 2,000 external.",
      }),
    ]),
    basic: fact<BasicAuth>(id("basic"), "Passwords (Basic authentication), tenants that exist", [
      rule<BasicAuth>("by-switch", sinceEver, sources.smtpSubmission, { validTo: "2026-12-31" }),
      rule<BasicAuth>("removed", "2025-09-01", sources.basicRemoval2024, { announcedOn: "2024-04-15", supersededOn: "2025-06-12" }),
      rule<BasicAuth>("partly-refused", "2026-03-01", sources.basicRemoval2025, {
        announcedOn: "2025-06-12",
        validTo: "2026-04-30",
        supersededOn: "2026-01-27",
      }),
      rule<BasicAuth>("removed", "2026-04-30", sources.basicRemoval2025, { announcedOn: "2025-06-12", supersededOn: "2026-01-27" }),
      rule<BasicAuth>("off-by-default", "2026-12-31", sources.basicRemoval2026, {
        announcedOn: "2026-01-27",
        note: '"End of December 2026"; an administrator can switch it on again. How the default is switched off is not published. The day of the final removal is to be announced in the second half of 2027.',
      }),
    ]),
    "basic-new-tenants": fact<BasicAuth>(id("basic-new-tenants"), "Passwords (Basic authentication), tenants made after December 2026", [
      rule<BasicAuth>("removed", "2027-01-01", sources.basicRemoval2026, {
        announcedOn: "2026-01-27",
        note: "Not available by default, OAuth only; whether it can be switched on is not published.",
      }),
    ]),
    "basic-removal-announcement": fact(id("basic-removal-announcement"), "Announcement of the day on which Basic authentication ends", [
      rule("second half of 2027", "2027-07-01", sources.basicRemoval2026, { announcedOn: "2026-01-27" }),
    ]),
    "switch-of-new-tenants": fact(id("switch-of-new-tenants"), "SMTP AUTH of a new tenant", [
      rule("on", sinceEver, sources.switchDefault, { validTo: "2020-01-01" }),
      rule("off (SmtpClientAuthenticationDisabled), a mailbox can be excepted", "2020-01-01", sources.switchDefault),
    ]),
    "recipients-per-message-highest": steady(
      id("recipients-per-message-highest"),
      "Recipients in one message that an administrator can allow",
      1000,
      sources.recipientLimits,
    ),
    "outbound-policy": steady(
      id("outbound-policy"),
      "Limits of the outbound spam policy",
      "external and internal an hour, all in a day: each 0 (the service's own) to 10,000",
      sources.spamPolicy,
      { note: "Beyond it the mailbox is blocked, by default until the next day: 550 5.1.8." },
    ),
    pace: steady(id("pace"), "Pace that stays below the limits", { messagesPerMinute: 28, connections: 2 }, sources.fieldPractice, {
      status: "field",
      note: "2,100 ms from message to message.",
    }),
    permission: steady(
      id("permission"),
      "OAuth permissions of Office 365 Exchange Online",
      { application: "SMTP.SendAsApp", delegated: "SMTP.Send" },
      sources.oauthSmtp,
      {
        note: "Application permission: also New-ServicePrincipal with the object id of the enterprise application, and FullAccess on the mailbox.",
      },
    ),
  },
  domainRecords: exchangeRecords("smtp-auth"),
  limits: [
    ...mailboxLimits,
    { fact: id("external-recipients-per-day"), unit: "external-recipients", windowMs: dayMs, per: "mailbox", atOnce: 1, fullCodes: [] },
    { fact: id("connections"), unit: "messages", windowMs: 0, per: "mailbox", atOnce: 1, fullCodes: ["quota.connections"] },
  ],
  replies: smtpAuthReplies,
};
