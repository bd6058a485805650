import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { catalogue } from "../../services/catalogue.ts";
import { matchReply } from "../../services/match-reply.ts";
import type { ServiceKind, Stage } from "../../services/service.ts";
import { classifyReply } from "./classify.ts";

type Row = readonly [service: ServiceKind, stage: Stage, reply: string, expected: string];

/**
 * The published texts, copied by hand from the fact sheet, and what each has to mean: transient or permanent, our code, what waits. The class
 * column of the sheet's catalogue of non-delivery reports (limits are quotas and never permanent; log-ins pause the route) is what decides.
 */
const rows: readonly Row[] = [
  // SMTP AUTH: log-in.
  ["smtp-auth", "auth", "535 5.7.3 Authentication unsuccessful [host]", "transient route.auth-failed route"],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. [host]",
    "transient route.auth-failed route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [host date id]",
    "transient route.auth-disabled-for-tenant route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [host date id]",
    "transient route.auth-disabled-for-mailbox route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, the organization configuration does not allow this authentication request.",
    "transient route.auth-policy route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy.",
    "transient route.auth-security-defaults route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, federated STS service was unreachable.",
    "transient route.auth-federation route",
  ],
  [
    "smtp-auth",
    "auth",
    "535 5.7.139 Authentication unsuccessful, the federated STS URL does not support HTTPS.",
    "transient route.auth-federation route",
  ],
  [
    "smtp-auth",
    "auth",
    "550 5.7.30 Basic authentication is not supported for Client Submission.",
    "transient route.auth-basic-removed route",
  ],
  ["smtp-auth", "auth", "504 5.7.4 Unrecognized authentication type", "transient route.auth-unavailable route"],
  ["smtp-auth", "mail", "530 5.7.57 Client not authenticated to send mail", "transient route.auth-failed route"],
  [
    "smtp-auth",
    "mail",
    "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
    "transient route.auth-failed route",
  ],
  // SMTP AUTH: senders.
  [
    "smtp-auth",
    "mail",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    "permanent sender.send-as-denied message",
  ],
  [
    "smtp-auth",
    "content",
    "554 5.2.252 SendAsDenied; app@contoso.example not allowed to send as boss@contoso.example; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
    "permanent sender.send-as-denied message",
  ],
  ["smtp-auth", "content", "550 5.2.252 Sender throttled due to continuous send as denied errors", "transient sender.throttled route"],
  // SMTP AUTH: limits.
  [
    "smtp-auth",
    "mail",
    "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [host]",
    "transient quota.connections route",
  ],
  [
    "smtp-auth",
    "greeting",
    "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [host]",
    "transient quota.connections route",
  ],
  ["smtp-auth", "content", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "transient quota.mailbox route"],
  ["smtp-auth", "content", "554 5.2.2 Submission quota exceeded", "transient quota.mailbox route"],
  [
    "smtp-auth",
    "content",
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    "transient quota.mailbox route",
  ],
  [
    "smtp-auth",
    "content",
    "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiException(Shutoff)QuotaExceeded",
    "transient quota.sent-items route",
  ],
  [
    "smtp-auth",
    "content",
    "550 5.7.232 - Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    "transient quota.tenant route",
  ],
  [
    "smtp-auth",
    "content",
    "550 5.7.233 - Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients (tenant external recipient rate limit)",
    "transient quota.tenant route",
  ],
  [
    "smtp-auth",
    "content",
    "550 5.7.236 Your message can't be sent because your tenant has exceeded its daily limit for sending email to external recipients from your tenant's onmicrosoft.com domains",
    "transient quota.onmicrosoft message",
  ],
  ["smtp-auth", "content", "550 5.1.8 Access denied, bad outbound sender", "transient blocked.sender route"],
  [
    "smtp-auth",
    "greeting",
    "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls. [host]",
    "transient route.tls-failed route",
  ],
  ["smtp-auth", "content", "552 5.3.4 Message size exceeds fixed maximum message size", "permanent remote.too-large message"],
  // High Volume Email.
  ["hve", "auth", "501 5.5.121 Invalid XOAUTH2 argument", "transient route.auth-failed route"],
  ["hve", "auth", "501 5.5.126 Invalid XOAUTH2 argument", "transient route.auth-failed route"],
  ["hve", "auth", "535 5.7.142 Token will expire soon", "transient route.auth-token-expired route"],
  ["hve", "auth", "535 5.7.143 Expired token", "transient route.auth-token-expired route"],
  ["hve", "auth", "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions", "transient route.auth-permission-missing route"],
  [
    "hve",
    "auth",
    "550 5.7.240 The application is not allowed for use with this High Volume Email account",
    "transient route.auth-app-not-allowed route",
  ],
  ["hve", "auth", "535 5.7.3 Authentication unsuccessful", "transient route.auth-failed route"],
  [
    "hve",
    "auth",
    "535 5.7.139 Authentication unsuccessful, the organization configuration does not allow this authentication request.",
    "transient route.auth-policy route",
  ],
  ["hve", "mail", "550 5.7.62 MAIL FROM", "permanent sender.not-account message"],
  ["hve", "content", "550 5.6.241 From", "permanent sender.not-account message"],
  ["hve", "auth", "550 5.2.240 account", "transient route.auth-not-hve-account route"],
  // ACS by SMTP.
  ["acs-smtp", "auth", "535 5.7.3 Authentication unsuccessful", "transient route.auth-failed route"],
  // The tenant's MX: attribution.
  ["connector", "rcpt", "550 5.7.64 TenantAttribution; Relay Access Denied SMTP [host date id]", "transient relay.denied route"],
  [
    "connector",
    "rcpt",
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set [host date id]",
    "transient relay.locked-down route",
  ],
  [
    "direct-send",
    "rcpt",
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
    "transient relay.direct-send-rejected route",
  ],
  [
    "connector",
    "mail",
    "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go to https://go.microsoft.com/fwlink/?linkid=865268 [host]",
    "transient relay.wrong-region route",
  ],
  [
    "connector",
    "mail",
    "421 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go to https://go.microsoft.com/fwlink/?linkid=865268 [host]",
    "transient relay.wrong-region route",
  ],
  [
    "connector",
    "rcpt",
    "451 4.4.4 Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no mail-enabled subscriptions. ATTR5",
    "transient relay.wrong-region route",
  ],
  ["connector", "mail", "451 5.7.3 STARTTLS is required to send mail", "transient relay.starttls-needed route"],
  [
    "connector",
    "mail",
    "450 4.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online throttled for 10 mins/hr.",
    "transient relay.outdated-server route",
  ],
  [
    "connector",
    "mail",
    "550 5.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online blocked for 10 mins/hr.",
    "transient relay.outdated-server route",
  ],
  ["connector", "rcpt", "550 5.4.1 Recipient address rejected: Access denied. [host]", "permanent remote.no-such-recipient recipient"],
  ["connector", "rcpt", "550 5.7.606 Access denied, banned sending IP [192.0.2.7]", "transient blocked.address route"],
  ["connector", "rcpt", "550 5.7.649 Access denied, banned sending IP [192.0.2.7]", "transient blocked.address route"],
  ["connector", "rcpt", "550 5.7.511 Access denied, banned sender[192.0.2.7]. To request removal", "transient blocked.address route"],
  ["connector", "rcpt", "550 5.7.513 Service unavailable", "transient blocked.address route"],
  ["connector", "rcpt", "550 5.7.708 Access denied, traffic not accepted from this IP", "transient blocked.address route"],
  [
    "direct-send",
    "rcpt",
    "550 5.7.1 Service unavailable, Client host [192.0.2.7] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.7 (AS3130)",
    "transient blocked.address route",
  ],
  ["connector", "rcpt", "451 4.7.500 Server busy. Please try again later from [192.0.2.7]. (AS77713)", "transient remote.throttled route"],
  ["connector", "mail", "451 4.7.699 Access denied, please try again later", "transient remote.throttled route"],
  ["connector", "mail", "451 4.7.850 Access denied, please try again later", "transient remote.throttled route"],
  ["connector", "mail", "451 4.7.899 Access denied, please try again later", "transient remote.throttled route"],
  ["connector", "content", "550 5.7.705 Access denied, tenant has exceeded threshold", "transient blocked.tenant route"],
  [
    "connector",
    "content",
    "550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains",
    "transient blocked.tenant route",
  ],
  [
    "connector",
    "content",
    "550 5.7.509 Access denied, sending domain contoso.example does not pass DMARC verification and has a DMARC policy of reject.",
    "permanent domain.unauthenticated message",
  ],
  [
    "connector",
    "content",
    "450 4.7.26 Access denied, a message sent over IPv6 must pass either SPF or DKIM",
    "transient domain.unauthenticated message",
  ],
  [
    "connector",
    "content",
    "550 5.7.26 Access denied, a message sent over IPv6 must pass either SPF or DKIM",
    "permanent domain.unauthenticated message",
  ],
  ["connector", "rcpt", "452 4.5.3 Too many recipients", "transient remote.delayed recipient"],
  ["connector", "rcpt", "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded", "transient quota.receiver recipient"],
  [
    "connector",
    "content",
    "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
    "transient quota.receiver-from-sender recipient",
  ],
  [
    "connector",
    "content",
    "550 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour.",
    "transient quota.receiver recipient",
  ],
  [
    "connector",
    "content",
    "550 5.7.520 Access denied, Your organization does not allow external forwarding.",
    "permanent remote.refused-by-policy message",
  ],
  ["connector", "content", "554 5.4.14 Hop count exceeded - possible mail loop", "permanent remote.refused-message message"],
  [
    "connector",
    "rcpt",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "permanent remote.no-such-recipient recipient",
  ],
  ["connector", "rcpt", "550 5.7.124 Sender not in allowed-senders list", "permanent remote.refused-by-policy recipient"],
  // A server of one's own.
  ["smart-host", "rcpt", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "permanent relay.denied recipient"],
  ["smart-host", "rcpt", "550 5.7.1 Unable to relay", "permanent relay.denied recipient"],
  // SendGrid.
  [
    "sendgrid-smtp",
    "auth",
    "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
    "transient route.auth-failed route",
  ],
  ["sendgrid-smtp", "auth", "451 Authentication failed: Maximum credits exceeded", "transient quota.credits route"],
  [
    "sendgrid-smtp",
    "content",
    "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
    "permanent sender.not-verified message",
  ],
  // Receivers: what one of them says concerns it alone.
  [
    "mx",
    "content",
    "550 5.7.515 Access denied, sending domain contoso.example does not meet the required authentication level. The sender's domain in the 5322.From address doesn't meet the authentication requirements defined for the sender.",
    "permanent domain.unauthenticated destination",
  ],
  ["mx", "mail", "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. (S3150)", "transient blocked.address destination"],
  ["mx", "mail", "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. (S3140)", "transient blocked.address destination"],
  [
    "mx",
    "mail",
    "451 4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP reputation (S775)",
    "transient remote.throttled destination",
  ],
  ["mx", "rcpt", "550 5.5.0 Requested action not taken: mailbox unavailable", "permanent remote.no-such-recipient recipient"],
  ["mx", "content", "550 5.7.26 This mail is unauthenticated", "permanent domain.unauthenticated destination"],
  ["mx", "content", "421 4.7.26 This mail is unauthenticated", "transient domain.unauthenticated destination"],
  ["mx", "content", "421 4.7.28 unusual rate of unsolicited mail", "transient remote.throttled destination"],
  ["mx", "content", "421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred", "transient remote.throttled destination"],
  ["mx", "content", "554 5.7.9 Message not accepted for policy reasons", "permanent domain.unauthenticated destination"],
  [
    "mx",
    "rcpt",
    "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
    "transient quota.receiver-from-sender recipient",
  ],
  ["mx", "rcpt", "550 5.4.1 Recipient address rejected: Access denied. [host]", "permanent remote.no-such-recipient recipient"],
];

for (const [service, stage, text, expected] of rows) {
  test(`${service}, ${stage}: ${text.slice(0, 90)}: ${expected}`, () => {
    const reply = { code: Number(text.slice(0, 3)), lines: [text.slice(4)] };
    const { permanent, code, scope } = classifyReply(stage, reply, catalogue[service].replies);
    assert.equal(`${permanent ? "permanent" : "transient"} ${code} ${scope}`, expected);
  });
}

test("a quota or a log-in never fails mail for good, whatever its reply says and whoever sends", () => {
  for (const { kind, replies } of Object.values(catalogue)) {
    for (const { example, code, stages } of replies) {
      if (!code.startsWith("quota.") && !code.startsWith("route.")) continue;
      const told = classifyReply(stages?.[0] ?? "content", example, replies);
      assert.equal(told.permanent, false, `${kind}: ${example.code} ${example.lines[0]}`);
    }
  }
});

test("every known reply is found by its own example, unless one before it says the same", () => {
  const stages: readonly Stage[] = ["greeting", "auth", "mail", "rcpt", "content"];
  for (const { kind, replies } of Object.values(catalogue)) {
    for (const known of replies) {
      const found = (known.stages ?? stages).map((stage) => matchReply(replies, stage, known.example));
      assert.ok(
        found.some((each) => each?.code === known.code),
        `${kind}: ${known.example.code} ${known.example.lines[0]} is never taken for ${known.code}`,
      );
    }
  }
});

test("patterns take linear time on long hostile replies", () => {
  const pieces = fc.constantFrom(
    "client host ",
    "blocked ",
    "STOREDRV.Submission",
    "federated STS ",
    "a",
    " ",
    "[",
    "organization configuration ",
    "5.7.1 ",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 5000 }), fc.constantFrom(...Object.values(catalogue)), (words, { replies }) => {
      const began = performance.now();
      classifyReply("content", { code: 550, lines: [words.join("")] }, replies);
      // A quadratic pattern takes seconds on 50 KB; a bound this far off does not depend on the machine.
      assert.ok(performance.now() - began < 5000);
    }),
    { numRuns: 30 },
  );
});
