import assert from "node:assert/strict";
import { test } from "node:test";
import { classifyReply } from "../../routes/smtp-client/classify.ts";
import { replyText } from "../../mail/reply.ts";
import { catalogue } from "../catalogue.ts";
import { matchReply } from "../match-reply.ts";
import type { ServiceKind, Stage } from "../service.ts";

/** Texts as published, typed from the fact sheet, and what they must mean: whether trying again helps, the code, and what waits. */
const table: readonly (readonly [service: ServiceKind, stage: Stage, reply: string, meaning: string])[] = [
  ["smtp-auth", "auth", "535 5.7.3 Authentication unsuccessful [BN0PR04CA0001.namprd04.prod.outlook.com]", "later route.auth-failed route"],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [X]",
    "later route.auth-failed route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [X]",
    "later route.auth-disabled-for-tenant route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [X]",
    "later route.auth-disabled-for-mailbox route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, the organization configuration does not allow this authentication method",
    "later route.auth-policy route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
    "later route.auth-security-defaults route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.",
    "later route.auth-federation route",
  ],
  ["smtp-auth", "auth", "550 5.7.30 Basic authentication is not supported for Client Submission.", "later route.auth-basic-removed route"],
  ["smtp-auth", "auth", "504 5.7.4 Unrecognized authentication type", "later route.auth-unavailable route"],
  ["smtp-auth", "mail", "530 5.7.57 Client not authenticated to send mail", "later route.auth-failed route"],
  [
    "smtp-auth",
    "mail",
    "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [X]",
    "later quota.connections route",
  ],
  ["smtp-auth", "content", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "later quota.mailbox route"],
  [
    "smtp-auth",
    "content",
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    "later quota.mailbox route",
  ],
  [
    "smtp-auth",
    "content",
    "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiException(Shutoff)QuotaExceeded",
    "later quota.sent-items route",
  ],
  ["smtp-auth", "mail", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "never sender.send-as-denied message"],
  [
    "smtp-auth",
    "content",
    "554 5.2.252 SendAsDenied; app@contoso.com not allowed to send as boss@contoso.com; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
    "never sender.send-as-denied message",
  ],
  ["smtp-auth", "content", "550 5.2.252 Sender throttled due to continuous send as denied errors", "later sender.throttled route"],
  ["smtp-auth", "mail", "550 5.1.8 Access denied, bad outbound sender", "later blocked.sender route"],
  [
    "smtp-auth",
    "content",
    "550 5.7.232 - Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    "later quota.tenant route",
  ],
  [
    "smtp-auth",
    "content",
    "550 5.7.233 - Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    "later quota.tenant route",
  ],
  [
    "smtp-auth",
    "content",
    "550 5.7.236 Your message can't be sent because your tenant has exceeded its daily limit for sending email to external recipients from your tenant's onmicrosoft.com domains",
    "later quota.onmicrosoft message",
  ],
  [
    "smtp-auth",
    "rcpt",
    "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
    "later quota.receiver-from-sender recipient",
  ],
  [
    "smtp-auth",
    "rcpt",
    "550 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour.",
    "later quota.receiver recipient",
  ],
  ["smtp-auth", "content", "550 5.7.705 Access denied, tenant has exceeded threshold", "later blocked.tenant route"],
  ["smtp-auth", "rcpt", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "never remote.no-such-recipient recipient"],
  [
    "hve",
    "auth",
    "550 5.7.240 The application is not allowed for use with this High Volume Email account",
    "later route.auth-app-not-allowed route",
  ],
  ["hve", "auth", "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions", "later route.auth-permission-missing route"],
  ["hve", "auth", "535 5.7.143 Expired token", "later route.auth-token-expired route"],
  ["hve", "auth", "535 5.7.142 Token will expire soon", "later route.auth-token-expired route"],
  ["hve", "auth", "501 5.5.124 Invalid XOAUTH2 argument", "later route.auth-failed route"],
  ["hve", "mail", "550 5.7.62 x", "never sender.not-account message"],
  ["hve", "content", "550 5.6.241 x", "never sender.not-account message"],
  ["hve", "auth", "550 5.2.240 x", "later route.auth-not-hve-account route"],
  ["acs-smtp", "auth", "535 5.7.3 Authentication unsuccessful", "later route.auth-failed route"],
  ["connector", "rcpt", "550 5.7.64 TenantAttribution; Relay Access Denied SMTP [X]", "later relay.denied route"],
  [
    "connector",
    "rcpt",
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain.",
    "later relay.locked-down route",
  ],
  [
    "direct-send",
    "content",
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
    "later relay.direct-send-rejected route",
  ],
  [
    "connector",
    "rcpt",
    "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go to https://go.microsoft.com/fwlink/?linkid=865268 [X]",
    "later relay.wrong-region route",
  ],
  ["connector", "mail", "451 5.7.3 STARTTLS is required to send mail", "later relay.starttls-needed route"],
  [
    "connector",
    "mail",
    "450 4.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online throttled for 5 mins/hr.",
    "later relay.outdated-server route",
  ],
  [
    "connector",
    "mail",
    "550 5.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online blocked for 5 mins/hr.",
    "later relay.outdated-server route",
  ],
  [
    "direct-send",
    "rcpt",
    "550 5.7.1 Service unavailable, Client host [192.0.2.7] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.7 (AS3130)",
    "later blocked.address route",
  ],
  ["direct-send", "rcpt", "550 5.7.606 Access denied, banned sending IP [192.0.2.7]", "later blocked.address route"],
  ["direct-send", "rcpt", "550 5.7.649 Access denied, banned sending IP [192.0.2.7]", "later blocked.address route"],
  ["direct-send", "rcpt", "451 4.7.500 Server busy. Please try again later from [192.0.2.7]. (AS77713)", "later remote.throttled route"],
  ["direct-send", "rcpt", "451 4.7.650 please try again later", "later remote.throttled route"],
  ["direct-send", "rcpt", "550 5.4.1 Recipient address rejected: Access denied. [X]", "never remote.no-such-recipient recipient"],
  ["smart-host", "rcpt", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "never relay.denied recipient"],
  ["smart-host", "rcpt", "550 5.7.1 Unable to relay", "never relay.denied recipient"],
  [
    "sendgrid-smtp",
    "auth",
    "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
    "later route.auth-failed route",
  ],
  ["sendgrid-smtp", "auth", "451 Authentication failed: Maximum credits exceeded", "later quota.credits route"],
  [
    "sendgrid-smtp",
    "content",
    "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
    "never sender.not-verified message",
  ],
  [
    "mx",
    "content",
    "550 5.7.515 Access denied, sending domain contoso.com does not meet the required authentication level.",
    "never domain.unauthenticated destination",
  ],
  [
    "mx",
    "content",
    "550 5.7.509 Access denied, sending domain contoso.com does not pass DMARC verification and has a DMARC policy of reject.",
    "never domain.unauthenticated destination",
  ],
  ["mx", "rcpt", "550 5.5.0 Requested action not taken: mailbox unavailable", "never remote.no-such-recipient recipient"],
  [
    "mx",
    "mail",
    "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet service provider. (S3150)",
    "later blocked.address destination",
  ],
  [
    "mx",
    "mail",
    "451 4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP reputation (S775)",
    "later remote.throttled destination",
  ],
];

for (const [service, stage, text, meaning] of table) {
  test(`${service}, ${stage}: ${text.slice(0, 90)}: ${meaning}`, () => {
    const reply = { code: Number(text.slice(0, 3)), lines: [text.slice(4)] };
    const { permanent, code, scope } = classifyReply(stage, reply, catalogue[service].replies);
    assert.equal(`${permanent ? "never" : "later"} ${code} ${scope}`, meaning);
  });
}

for (const { kind, replies } of Object.values(catalogue)) {
  test(`${kind}: every row is reached by its own example, and says where it stands`, () => {
    for (const row of replies) {
      const stages = row.stages ?? (["mail", "rcpt", "data", "content", "auth"] as const);
      assert.ok(
        stages.some((stage) => matchReply(replies, stage, row.example) === row),
        replyText(row.example),
      );
      assert.ok(row.source.length > 3);
    }
  });
}

test("a text of a hundred thousand characters is read in no time", () => {
  const reply = { code: 550, lines: [`5.7.1 client host ${"blocked client host ".repeat(5000)}`] };
  const began = performance.now();
  for (const { replies } of Object.values(catalogue)) matchReply(replies, "rcpt", reply);
  assert.ok(performance.now() - began < 1000);
});
