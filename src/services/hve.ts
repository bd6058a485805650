import { hveFacts } from "./hve-facts.ts";
import { hveReplies } from "./hve-replies.ts";
import { profileOf } from "./profile.ts";
import { rule } from "./rule.ts";
import type { Service } from "./service.ts";
import { sources as s } from "./sources.ts";

/** High Volume Email for Microsoft 365: accounts without a mailbox, internal recipients only, paid by the recipient. */
export const hve: Service = {
  kind: "hve",
  title: "High Volume Email",
  profile: profileOf("hve", {
    hosts: [
      rule(["smtp-hve.office365.com"], s.hvePreviewTable, { until: "2026-01-01" }),
      rule(["smtp.hve.mx.microsoft", "smtp-hve.office365.com"], s.hveManage, {
        from: "2026-01-01",
        note: "the older name works and will be deprecated, no date published; the day the new one appeared was not published",
      }),
    ],
    ports: [rule([587], s.hveManage)],
    tls: [rule("required", s.hveManage)],
    minTlsVersion: [rule("TLSv1.2", s.hveManage)],
    sasl: [
      rule(["LOGIN"], s.hvePreview, { until: "2024-10-01" }),
      rule(["XOAUTH2", "LOGIN"], s.hveOauth, { from: "2024-10-01", note: "PLAIN is not offered" }),
    ],
    tokenScope: [rule("https://outlook.office.com/.default", s.postfixEntra)],
    maxRecipients: [rule(50, s.acsRetirement)],
    maxSize: [rule(10 * 1_048_576, s.postfixEntra)],
    maxConnections: [rule(null, s.remembered, { note: "no number published" })],
    maxMessagesPerConnection: [rule(null, s.remembered, { note: "no number published" })],
    external: [
      rule(true, s.hvePreview, { until: "2025-06-01", note: "in preview, up to a daily number for the tenant" }),
      rule(false, s.hve2025, { from: "2025-06-01", announced: "2025-05-01", note: "only the tenant's accepted domains" }),
    ],
    internal: [rule(true, s.hveManage)],
    senderRule: [rule("account", s.postfixEntra, { note: "MAIL FROM, From and log-in have to be the same account" })],
    keepsReversePath: [rule(false, s.postfixEntra)],
    takesNullReversePath: [rule(false, s.postfixEntra, { note: "MAIL FROM has to be the account" })],
    savesToSentItems: [rule(false, s.devices)],
    metered: [
      rule(false, s.hvePreview, { until: "2026-06-01" }),
      rule(true, s.hveBilling, { from: "2026-06-01", announced: "2026-05-20" }),
    ],
    price: [
      rule(null, s.hvePreview, { until: "2026-05-01", note: "free in preview" }),
      rule(null, s.hveBilling, { from: "2026-05-01", until: "2026-06-01", announced: "2026-05-20", note: "billing was put off to June" }),
      rule({ perRecipientUsd: 0.000_042, perMegabyteUsd: 0 }, s.hveBillingFirst, {
        from: "2026-05-01",
        announced: "2026-03-04",
        superseded: "2026-05-20",
      }),
      rule({ perRecipientUsd: 0.000_042, perMegabyteUsd: 0 }, s.hveBilling, {
        from: "2026-06-01",
        announced: "2026-05-20",
        note: "42 US dollars for 1,000,000 expanded, delivered recipients, through a pay-as-you-go policy",
      }),
    ],
  }),
  facts: hveFacts,
  replies: hveReplies,
};
