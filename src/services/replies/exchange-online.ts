import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { known } from "./known.ts";

/** What Exchange Online says on every way into it: its quotas, its blocks, its receivers. */
export const exchangeOnlineReplies: readonly KnownReply[] = [
  known(
    "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [host]",
    "quota.connections",
    sources.smtpSubmission,
    { text: /concurrent connections/i },
  ),
  known("432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", "quota.receiver", sources.exchangeLimits, {
    text: /recipient thread limit/i,
  }),
  known("554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "quota.mailbox", sources.smtpSubmission, {
    details: ["2.0", "2.2"],
    codes: [5],
    text: /submission ?quota ?exceeded/i,
    permanent: false,
  }),
  known(
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    "quota.mailbox",
    sources.exchangeLimits,
    { codes: [5], permanent: false },
  ),
  known(
    "550 5.7.232 - Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    "quota.tenant",
    sources.terrl,
    { codes: [5], permanent: false },
  ),
  known(
    "550 5.7.233 - Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    "quota.tenant",
    sources.terrl,
    { codes: [5], permanent: false },
  ),
  known(
    "550 5.7.236 Your message can't be sent because your tenant has exceeded its daily limit for sending email to external recipients from your tenant's onmicrosoft.com domains",
    "quota.onmicrosoft",
    sources.moera,
    { codes: [5], permanent: false },
  ),
  known(
    "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
    "quota.receiver-from-sender",
    sources.exchangeLimits,
    { codes: [5], permanent: false },
  ),
  known(
    "550 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour.",
    "quota.receiver",
    sources.exchangeLimits,
    { codes: [5], permanent: false },
  ),
  known("451 4.7.500 Server busy. Please try again later from [ip].", "remote.throttled", sources.ndr, {
    codes: [4],
    details: ["7.500-7.699", "7.850-7.899"],
  }),
  known("550 5.7.705 Access denied, tenant has exceeded threshold", "blocked.tenant", sources.ndr, { codes: [5], permanent: false }),
  known("550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains", "blocked.tenant", sources.ndr, {
    codes: [5],
    permanent: false,
  }),
  known("550 5.1.8 Access denied, bad outbound sender", "blocked.sender", sources.ndr, {
    codes: [5],
    details: ["1.8", "7.501", "7.502", "7.503", "7.703"],
    permanent: false,
  }),
  known(
    "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiException(Shutoff)QuotaExceeded",
    "quota.sent-items",
    sources.smtpSubmission,
    { text: /STOREDRV\.Submission/i, permanent: false },
  ),
  known(
    "550 5.7.515 Access denied, sending domain [domain] does not meet the required authentication level.",
    "domain.unauthenticated",
    sources.outlookBulk,
    { codes: [5], details: ["7.515", "7.509", "7.23", "7.26"] },
  ),
  known("450 4.7.26 Access denied, a message sent over IPv6 must pass either SPF or DKIM", "domain.unauthenticated", sources.ndr, {
    codes: [4],
  }),
  known("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "remote.no-such-recipient", sources.ndr, {
    codes: [5],
  }),
  known("550 5.4.1 Recipient address rejected: Access denied. [host]", "remote.no-such-recipient", sources.ndr, {
    codes: [5],
    text: /recipient address rejected/i,
    scope: "recipient",
  }),
];

/** Of those the sending and receiving limits. */
export const exchangeQuotaReplies: readonly KnownReply[] = exchangeOnlineReplies.filter(({ code }) => code.startsWith("quota."));
