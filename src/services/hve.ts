import { exchangeRecords } from "./domain-records.ts";
import { hveReplies } from "./replies/hve.ts";
import { dayMs } from "./counted.ts";
import { fact, rule } from "./rules.ts";
import type { Price, Service } from "./service.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `hve.${name}`;
const preview = "2024-04-01";

/** High Volume Email: many messages to the tenant's own recipients, from an account that has no mailbox. */
export const hve: Service = {
  kind: "hve",
  title: "High Volume Email",
  profile: {
    hosts: fact<readonly string[]>(id("hosts"), "Host names", [
      rule<readonly string[]>(["smtp-hve.office365.com"], preview, sources.hvePreview, { validTo: "2026-03-31" }),
      rule<readonly string[]>(["smtp.hve.mx.microsoft", "smtp-hve.office365.com"], "2026-03-31", sources.hveManage, {
        note: "The old name still works and will be deprecated; no day is published.",
      }),
    ]),
    ports: fact<readonly number[]>(id("ports"), "Ports", [rule<readonly number[]>([587], preview, sources.hveManage)]),
    tls: fact(id("tls"), "Encryption", [rule("required", preview, sources.hveManage)]),
    minTlsVersion: fact(id("min-tls-version"), "Lowest TLS version", [rule("TLSv1.2", preview, sources.hveManage)]),
    sasl: fact(id("sasl"), "Ways to log in", [
      rule<readonly ("LOGIN" | "XOAUTH2")[]>(["LOGIN"], preview, sources.hvePreview, { validTo: "2024-10-01" }),
      rule<readonly ("LOGIN" | "XOAUTH2")[]>(["XOAUTH2", "LOGIN"], "2024-10-01", sources.hveOauth, { validTo: "2028-09-30" }),
      rule<readonly ("LOGIN" | "XOAUTH2")[]>(["XOAUTH2"], "2028-09-30", sources.hveUpdate, {
        announcedOn: "2025-05-01",
        note: '"September 2028": support of Basic authentication ends.',
      }),
    ]),
    tokenScope: fact<string | null>(id("token-scope"), "OAuth scope", [
      rule<string | null>("https://outlook.office.com/.default", preview, sources.hveField, {
        status: "field",
        note: "Whether the scope of SMTP AUTH (outlook.office365.com) is taken as well is unverified.",
      }),
    ]),
    maxRecipients: fact<number | null>(id("recipients-per-message"), "Recipients in one message", [
      rule<number | null>(50, preview, sources.acsGuide),
    ]),
    maxSize: fact<number | null>(
      id("message-size"),
      "Largest message",
      [rule<number | null>(10 * 1024 * 1024, preview, sources.hveField, { status: "field" })],
      "bytes",
    ),
    maxConnections: fact<number | null>(id("connections"), "Connections at a time", [
      rule<number | null>(null, preview, sources.hveUpdate, { status: "unverified", note: "None is published." }),
    ]),
    maxMessagesPerConnection: fact<number | null>(id("messages-per-connection"), "Messages over one connection", [
      rule<number | null>(null, preview, sources.hveUpdate, { status: "unverified", note: "None is published." }),
    ]),
    external: fact(id("external"), "Takes recipients outside the tenant", [
      rule<boolean>(true, preview, sources.hvePreview, { validTo: "2025-06-01" }),
      rule<boolean>(false, "2025-06-01", sources.hveUpdate, { announcedOn: "2025-05-01" }),
    ]),
    internal: fact(id("internal"), "Takes recipients of the tenant", [rule<boolean>(true, preview, sources.hvePreview)]),
    senderRule: fact(id("sender-rule"), "Who may be the sender", [rule("account", preview, sources.hveField, { status: "field" })]),
    keepsReversePath: fact(id("keeps-reverse-path"), "Keeps the reverse-path", [
      rule<boolean>(true, preview, sources.hveField, { status: "unverified" }),
    ]),
    takesNullReversePath: fact(id("null-reverse-path"), "Takes the null reverse-path", [
      rule<boolean>(false, preview, sources.hveField, { status: "field" }),
    ]),
    savesToSentItems: fact(id("sent-items"), "Saves a copy to Sent Items", [
      rule<boolean>(false, preview, sources.comparison, { note: "An account has no mailbox." }),
    ]),
    countsForTenant: fact(id("counts-for-tenant"), "External recipients count for the tenant's limit", [
      rule<boolean>(false, preview, sources.terrl),
    ]),
    metered: fact(id("metered"), "Counts or costs, so that a doubtful message is not repeated", [
      rule<boolean>(true, preview, sources.hveBilling),
    ]),
    price: fact<Price | null>(id("price"), "Price", [
      rule<Price | null>(null, preview, sources.hvePreview, { validTo: "2026-06-01", note: "Free in preview." }),
      rule<Price | null>({ perRecipientUsd: 0.000042, perMegabyteUsd: 0 }, "2026-05-01", sources.hveBilling, {
        announcedOn: "2026-03-04",
        supersededOn: "2026-05-20",
        note: "The first version of the announcement named May.",
      }),
      rule<Price | null>({ perRecipientUsd: 0.000042, perMegabyteUsd: 0 }, "2026-06-01", sources.hveBilling, {
        announcedOn: "2026-05-20",
        note: "USD 42 for 1,000,000 expanded delivered recipients, by a pay-as-you-go billing policy; without one nothing is sent.",
      }),
    ]),
  },
  facts: {
    "recipients-per-day": fact<number | null>(id("recipients-per-day"), "Recipients in 24 hours for the tenant", [
      rule<number | null>(100_000, preview, sources.hvePreview, { validTo: "2025-05-01" }),
      rule<number | null>(null, "2025-05-01", sources.hveUpdate, { note: "No limit." }),
    ]),
    "external-recipients-per-day": fact<number>(id("external-recipients-per-day"), "External recipients in 24 hours for the tenant", [
      rule(2000, preview, sources.hvePreview, { validTo: "2025-06-01" }),
      rule(0, "2025-06-01", sources.hveUpdate, { announcedOn: "2025-05-01" }),
    ]),
    accounts: fact<number>(id("accounts"), "Accounts in a tenant", [
      rule(20, preview, sources.hvePreview, { validTo: "2025-05-01" }),
      rule(100, "2025-05-01", sources.hveUpdate),
    ]),
    "allowed-apps": fact<number>(id("allowed-apps"), "Applications that one account allows", [
      rule(10, "2024-10-01", sources.hveCmdlets, {
        note: "By the object id of the enterprise application, not the client id; takes up to 5 minutes.",
      }),
    ]),
    "general-availability": fact(id("general-availability"), "General availability", [
      rule("worldwide cloud only", "2026-03-31", sources.hveGeneral, { announcedOn: "2026-03-04" }),
    ]),
    "basic-end": fact(id("basic-end"), "Passwords (Basic authentication) end", [
      rule("September 2028", "2028-09-30", sources.hveUpdate, { announcedOn: "2025-05-01" }),
    ]),
    preview: fact(id("preview"), "Public preview", [rule("open", preview, sources.hvePreview, { validTo: "2026-03-31" })]),
    "old-host": fact(id("old-host"), "smtp-hve.office365.com", [
      rule('works; "will be deprecated in the future", no date', preview, sources.hveManage),
    ]),
    "external-reply": fact(id("external-reply"), "Reply to an external recipient", [
      rule("not published", "2025-06-01", sources.hveField, { status: "unverified" }),
    ]),
    "billing-policy": fact(id("billing-policy"), "States of an account's billing policy", [
      rule(
        [
          "BillingPolicyValid",
          "NoProperBillingPolicyStored",
          "BillingPolicyNotFound",
          "BillingPolicyMismatched",
          "NoConnectedBillingPolicyFound",
          "SubscriptionIsNotActive",
          "NoSPOLicenseFound",
        ],
        "2026-06-01",
        sources.hveBillingStatus,
        { note: "Only the first sends; what SMTP says with another is not published. A SharePoint Online licence must be in the tenant." },
      ),
    ]),
    "security-defaults": fact(id("security-defaults"), "Security defaults of the tenant", [
      rule("refuse passwords, not OAuth", preview, sources.hveSecurity, { status: "field" }),
    ]),
    "tenant-switch": fact(id("tenant-switch"), "SmtpClientAuthenticationDisabled of the tenant", [
      rule("is not heeded: the endpoint is its own", preview, sources.hveSecurity, { status: "field" }),
    ]),
    "reply-to": fact(id("reply-to"), "Reply-To", [
      rule("can be set for an account: Set-HVEAccountSettings -ReplyTo", "2026-03-27", sources.hveSettings),
    ]),
    permission: fact(id("permission"), "OAuth permissions of Office 365 Exchange Online", [
      rule({ application: "Mail.Send", delegated: "Mail.Send" }, "2024-10-01", sources.hveOauth, {
        note: "Of Exchange Online, not of Graph and not SMTP.SendAsApp; and the account's list of allowed apps.",
      }),
    ]),
    "account-switch": fact(id("account-switch"), "Switch of New-MailUser that makes an account", [
      rule("-LOBAppAccount", preview, sources.hvePreview, { validTo: "2025-05-01", note: "When it was renamed is not published." }),
      rule("-HVEAccount", "2025-05-01", sources.hveCmdlets),
    ]),
  },
  domainRecords: exchangeRecords("hve"),
  limits: [
    { fact: id("recipients-per-day"), unit: "recipients", windowMs: dayMs, per: "tenant", atOnce: 1, fullCodes: [] },
    { fact: id("external-recipients-per-day"), unit: "external-recipients", windowMs: dayMs, per: "tenant", atOnce: 1, fullCodes: [] },
  ],
  replies: hveReplies,
};
