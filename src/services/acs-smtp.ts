import { hourMs, minuteMs, type CountedLimit } from "./counted.ts";
import { acsSmtpReplies } from "./replies/acs-smtp.ts";
import { fact, rule, sinceEver, steady } from "./rules.ts";
import type { Price, Service } from "./service.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `acs-smtp.${name}`;

/** Requests are refused, not queued, and what is refused counts (MS "Service limits"). The hour is not spread: its minutes are. */
const quota = {
  unit: "messages",
  per: "subscription",
  atOnce: 1,
  countsRefused: true,
  fullCodes: ["quota.subscription"],
} as const satisfies Partial<CountedLimit>;

/** Azure Communication Services Email by SMTP. Its quotas are those of REST, and are counted for the subscription. */
export const acsSmtp: Service = {
  kind: "acs-smtp",
  title: "Azure Communication Services Email, SMTP",
  profile: {
    hosts: steady(id("hosts"), "Host names", ["smtp.azurecomm.net"], sources.acsSmtp),
    ports: steady(id("ports"), "Ports", [587, 25], sources.acsSmtp),
    tls: steady(id("tls"), "Encryption", "required", sources.acsSmtp),
    minTlsVersion: steady(id("min-tls-version"), "Lowest TLS version", "TLSv1.2", sources.acsSmtp),
    sasl: steady(id("sasl"), "Ways to log in", ["XOAUTH2", "LOGIN"], sources.acsSmtp, { note: "PLAIN is not offered." }),
    tokenScope: steady(id("token-scope"), "OAuth scope", "https://communication.azure.com/.default", sources.acsSmtp),
    maxRecipients: steady(id("recipients-per-message"), "Recipients in one message", 50, sources.acsLimits, {
      note: "That support raises it to 200 is told by one deck only: unverified.",
    }),
    maxSize: steady(id("message-size"), "Largest message", 10 * 1024 * 1024, sources.acsLimits, {
      unit: "bytes",
      note: "With attachments, after base64; up to 30 MB by ticket.",
    }),
    maxConnections: steady(id("connections"), "Authenticated connections at a time for one subscription", 250, sources.acsLimits),
    maxMessagesPerConnection: steady(id("messages-per-connection"), "Messages over one connection", null, sources.acsSmtp, {
      status: "unverified",
    }),
    external: steady(id("external"), "Takes recipients outside the tenant", true, sources.acsSmtp),
    internal: steady(id("internal"), "Takes recipients of the tenant", true, sources.acsSmtp),
    senderRule: steady(id("sender-rule"), "Who may be the sender", "verified", sources.acsSmtp),
    keepsReversePath: steady(id("keeps-reverse-path"), "Keeps the reverse-path", true, sources.acsSmtp, { status: "unverified" }),
    takesNullReversePath: steady(id("null-reverse-path"), "Takes the null reverse-path", false, sources.acsSmtp, { status: "unverified" }),
    savesToSentItems: steady(id("sent-items"), "Saves a copy to Sent Items", false, sources.acsGuide),
    countsForTenant: steady(id("counts-for-tenant"), "External recipients count for the tenant's limit", false, sources.terrl),
    metered: steady(id("metered"), "Counts or costs, so that a doubtful message is not repeated", true, sources.acsPrice),
    price: steady<Price | null>(id("price"), "Price", { perRecipientUsd: 0.00025, perMegabyteUsd: 0.00012 }, sources.acsPrice, {
      note: "For each recipient and each megabyte to each recipient; no free grant.",
    }),
  },
  facts: {
    "messages-per-minute": steady(id("messages-per-minute"), "Messages a minute for one subscription, own domain", 30, sources.acsLimits, {
      note: "Refused requests count; raised by ticket.",
    }),
    "messages-per-hour": steady(id("messages-per-hour"), "Messages an hour for one subscription, own domain", 100, sources.acsLimits, {
      note: "Refused requests count; raised by ticket.",
    }),
    "managed-messages-per-minute": steady(
      id("managed-messages-per-minute"),
      "Messages a minute, Azure-managed domain",
      5,
      sources.acsLimits,
    ),
    "managed-messages-per-hour": steady(id("managed-messages-per-hour"), "Messages an hour, Azure-managed domain", 10, sources.acsLimits, {
      note: "An unmerged change of the documents names 30 and 100: unverified.",
    }),
    "messages-per-day": fact<number | null>(id("messages-per-day"), "Messages a day for one subscription", [
      rule<number | null>(2400, sinceEver, sources.multifunctionBlog, {
        supersededOn: "2026-08-18",
        status: "unverified",
        note: "24 times 100, as a blog reckons it; the documents have no daily limit.",
      }),
      rule<number | null>(null, sinceEver, sources.acsLimits, { announcedOn: "2026-08-18", note: "No daily limit; 100 an hour binds." }),
    ]),
    "quota-failure-rate": fact<string>(id("quota-failure-rate"), "Failure rate below which a quota is raised", [
      rule("below 1 % (service limits) or below 2 % (quota page): the documents disagree", sinceEver, sources.acsQuota),
    ]),
    "closed-to-new-customers": fact(id("closed-to-new-customers"), "Closed to new customers", [
      rule(true, "2026-10-23", sources.acsGuide, { announcedOn: "2026-09-01", note: "Customers with a resource from before may go on." }),
    ]),
    retirement: fact(id("retirement"), "Retirement", [rule(true, "2028-09-30", sources.acsGuide, { announcedOn: "2026-09-01" })]),
    permission: steady(
      id("permission"),
      "Azure role on the ACS resource",
      "Communication and Email Service Owner, or a custom role with CommunicationServices/Read and EmailServices/write",
      sources.acsSmtp,
    ),
    "user-name": steady(
      id("user-name"),
      "User name",
      "resource.application.tenant, or the same with |, or an SMTP user name of the resource",
      sources.acsSmtp,
    ),
  },
  domainRecords: {
    spfInclude: steady(id("spf-include"), "What the SPF record names", "spf.protection.outlook.com", sources.acsSmtp),
    dkimSelectors: steady<readonly string[]>(
      id("dkim-selectors"),
      "Selectors of DKIM",
      ["selector1-azurecomm-prod-net", "selector2-azurecomm-prod-net"],
      sources.acsSmtp,
    ),
  },
  limits: [
    { ...quota, fact: id("messages-per-minute"), windowMs: minuteMs, domain: "custom" },
    { ...quota, fact: id("messages-per-hour"), windowMs: hourMs, domain: "custom" },
    { ...quota, fact: id("managed-messages-per-minute"), windowMs: minuteMs, domain: "azure-managed" },
    { ...quota, fact: id("managed-messages-per-hour"), windowMs: hourMs, domain: "azure-managed" },
    { fact: id("connections"), unit: "messages", windowMs: 0, per: "subscription", atOnce: 1, fullCodes: ["quota.connections"] },
  ],
  replies: acsSmtpReplies,
};
