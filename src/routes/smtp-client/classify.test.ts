import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stage } from "../../services/service.ts";
import { classifyReply, retryHintMs } from "./classify.ts";
import { remoteId } from "./remote-id.ts";

const table: readonly (readonly [stage: Stage, reply: string, expected: string])[] = [
  ["rcpt", "550 5.1.1 no such user", "permanent 1.1 remote.no-such-recipient recipient"],
  ["rcpt", "550 5.1.10 RecipientNotFound", "permanent 1.10 remote.no-such-recipient recipient"],
  // A bare 550 says nothing about the address: it may be a block list.
  ["rcpt", "550 no", "permanent 1.0 remote.refused-recipient recipient"],
  ["rcpt", "550 5.4.1 Recipient address rejected: Access denied.", "permanent 4.1 remote.refused-recipient recipient"],
  ["rcpt", "550 5.7.64 TenantAttribution; Relay Access Denied SMTP", "permanent 7.64 remote.refused-by-policy recipient"],
  ["rcpt", "552 5.2.2 mailbox full", "permanent 2.2 remote.mailbox-full recipient"],
  ["rcpt", "452 4.2.2 mailbox full", "transient 2.2 remote.mailbox-full recipient"],
  ["rcpt", "552 too many recipients", "transient 0.0 remote.delayed recipient"],
  ["rcpt", "452 4.5.3 too many", "transient 5.3 remote.delayed recipient"],
  ["rcpt", "450 wait", "transient 0.0 remote.delayed recipient"],
  // The class of the status contradicts the code: the code counts, the status does not.
  ["rcpt", "450 5.1.1 what", "transient 0.0 remote.delayed recipient"],
  ["mail", "550 5.1.8 bad outbound sender", "permanent 1.8 remote.refused-sender message"],
  ["mail", "552 too big", "permanent 3.4 remote.too-large message"],
  ["mail", "451 4.7.500 Server busy. Please try again later", "transient 7.500 remote.throttled route"],
  ["mail", "530 5.7.0 Must issue a STARTTLS command first", "transient 7.0 route.auth-failed route"],
  ["content", "554 5.6.0 malformed", "permanent 6.0 remote.refused-message message"],
  ["content", "554 5.7.1 spam", "permanent 7.1 remote.refused-by-policy message"],
  ["content", "552 5.3.4 too large", "permanent 3.4 remote.too-large message"],
  ["content", "452 4.3.1 insufficient storage", "transient 3.1 remote.delayed message"],
  ["content", "421 4.3.2 shutting down", "transient 3.2 remote.unavailable route"],
  ["data", "554 no valid recipients", "permanent 6.0 remote.refused-message message"],
  ["greeting", "554 5.7.1 blocked", "transient 7.1 remote.unavailable route"],
  ["auth", "535 5.7.8 bad", "transient 7.8 route.auth-failed route"],
  ["auth", "454 4.7.0 try later", "transient 7.0 remote.unavailable route"],
  [
    "content",
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    "transient 1.90 quota.mailbox route",
  ],
  ["content", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "transient 2.0 quota.mailbox route"],
  [
    "rcpt",
    "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
    "transient 2.121 quota.receiver-from-sender recipient",
  ],
  [
    "content",
    "550 5.7.233 - Your message can't be sent because your tenant exceeded its daily limit",
    "transient 7.233 quota.tenant route",
  ],
  ["content", "354 what", "transient 5.0 remote.protocol route"],
];

for (const [stage, text, expected] of table) {
  test(`${stage}: ${text}: ${expected}`, () => {
    const reply = { code: Number(text.slice(0, 3)), lines: [text.slice(4)] };
    const { permanent, detail, code, scope, reply: kept } = classifyReply(stage, reply);
    assert.equal(`${permanent ? "permanent" : "transient"} ${detail} ${code} ${scope}`, expected);
    assert.equal(kept, reply);
  });
}

test("a service's own rules come first, and may soften a permanent code", () => {
  const rules = [{ details: ["1.90"], code: "remote.throttled" as const }];
  const { permanent, code, detail } = classifyReply("rcpt", { code: 550, lines: ["5.1.90 daily limit"] }, rules);
  assert.deepEqual([permanent, code, detail], [false, "remote.throttled", "1.90"]);
});

test("times that servers tell", () => {
  const hint = (text: string) => retryHintMs({ code: 450, lines: [text] });
  assert.equal(hint("Greylisted, try again in 5 minutes"), 300_000);
  assert.equal(hint("4.2.0 Greylisted for 300 seconds"), 300_000);
  assert.equal(hint("please retry after 2h"), 7_200_000);
  assert.equal(hint("wait 90s"), 90_000);
  assert.equal(hint("in 99999 hours"), 86_400_000);
  for (const none of ["try again later", "in 5 minds", "5 minutes", ""]) assert.equal(hint(none), null, none);
});

test("ids that servers tell", () => {
  const id = (text: string) => remoteId({ code: 250, lines: [text] });
  assert.equal(id("2.0.0 Ok: queued as 4ZsX6P0Xn2z1"), "4ZsX6P0Xn2z1");
  assert.equal(
    id("2.6.0 <a@b.example> [InternalId=1234567890, Hostname=X.prod.outlook.com] 9 bytes in 0.1, 9 KB/sec Queued mail for delivery"),
    "1234567890",
  );
  assert.equal(id("OK id=1tAbCd-000001-2x"), "1tAbCd-000001-2x");
  assert.equal(id("2.0.0 5AB12cde012345 Message accepted for delivery"), "5AB12cde012345");
  assert.equal(id("Ok: queued as filterdrecv-7c4-abc"), "filterdrecv-7c4-abc");
  assert.equal(id("2.0.0 Ok"), undefined);
  assert.equal(id(""), undefined);
});
