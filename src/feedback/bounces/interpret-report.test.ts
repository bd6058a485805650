import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { enhancedStatus } from "../../mail/status.ts";
import { readReport } from "../../wire/dsn/read-report.ts";
import { BounceAddresses } from "./bounce-addresses.ts";
import { interpretReport } from "./interpret-report.ts";

const key = { number: 0, secret: createSecretKey(Buffer.alloc(32, 5)) };
const domain = { author: "contoso.example", domain: "bounce.contoso.example", validForMs: 14 * 86_400_000 };
const addresses = new BounceAddresses([domain], { current: key, byNumber: () => key }, () => Date.UTC(2026, 10, 27));

function tokenFor(...recipients: readonly string[]) {
  const made = addresses.make({ messageId: 1, author: "contoso.example", recipients: recipients.map((address) => ({ address })) });
  const read = addresses.read(made ?? "");
  assert.ok(read.ok);
  return read.token;
}

function reportOf(fields: string) {
  const message = `Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n${fields}\n`;
  return readReport(Buffer.from(message)) ?? assert.fail(message);
}

const bob = { n: 3, address: "bob@fabrikam.example" };

/** RFC 3463 §3 has the subjects: 1 addressing, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy. */
const meanings: readonly (readonly [status: string, diagnostic: string, expected: string])[] = [
  ["5.1.1", "smtp; 550 5.1.1 User unknown", "remote.no-such-recipient 5.1.1"],
  ["5.1.10", "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound", "remote.no-such-recipient 5.1.10"],
  ["5.1.2", "", "remote.refused-recipient 5.1.2"],
  ["5.2.2", "smtp; 552 5.2.2 Quota exceeded", "remote.mailbox-full 5.2.2"],
  ["5.2.1", "", "remote.refused-recipient 5.2.1"],
  ["5.3.4", "", "remote.too-large 5.3.4"],
  ["5.6.0", "", "remote.refused-message 5.6.0"],
  ["5.7.1", "smtp; 554 spam", "remote.refused-by-policy 5.7.1"],
  // The server's own status says more than what another made of it.
  ["5.0.0", "smtp; 550 5.7.1 blocked", "remote.refused-by-policy 5.7.1"],
  // Given up after days: no longer a matter of waiting.
  ["4.4.1", "X-Postfix; connection timed out", "remote.refused-recipient 5.4.1"],
  ["5.0.0", "", "remote.refused-recipient 5.1.0"],
];

for (const [status, diagnostic, expected] of meanings) {
  test(`${status} ${diagnostic}`, () => {
    const fields = `Final-Recipient: rfc822; ${bob.address}\nAction: failed\nStatus: ${status}\n${diagnostic === "" ? "" : `Diagnostic-Code: ${diagnostic}\n`}`;
    const [fate] = interpretReport(reportOf(fields), tokenFor(bob.address), [bob]).fates;
    assert.ok(fate?.failure);
    assert.equal(`${fate.failure.code} ${enhancedStatus(fate.failure.permanent, fate.failure.detail)}`, expected);
    assert.equal(fate.n, 3);
  });
}

test("a failure comes before what the same report says else of a recipient", () => {
  const fields =
    "Final-Recipient: rfc822; a@home.example\nAction: delivered\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; b@home.example\nAction: failed\nStatus: 5.1.1\n";
  const { fates } = interpretReport(reportOf(fields), tokenFor(bob.address), [bob]);
  assert.deepEqual(
    fates.map(({ n, action }) => `${n} ${action}`),
    ["3 failed", "3 delivered"],
  );
});

test("whatever a report says, it is about those whom the address was made for, and short", () => {
  const address = fc.constantFrom(
    "bob@fabrikam.example",
    "BOB@FABRIKAM.EXAMPLE",
    "eve@fabrikam.example",
    "mallory@outlook.example",
    "x".repeat(400),
    "",
  );
  const group = fc.record({
    address,
    action: fc.constantFrom("failed", "delivered", "lost", ""),
    text: fc.string({ unit: "binary", maxLength: 3000 }),
  });
  const recipients = ["bob@fabrikam.example", "eve@fabrikam.example", "mallory@outlook.example"].map((each, n) => ({ n, address: each }));
  fc.assert(
    fc.property(fc.array(group, { maxLength: 8 }), fc.boolean(), (groups, single) => {
      const fields = groups.map(
        ({ address: to, action, text }) =>
          `Final-Recipient: rfc822; ${to}\nAction: ${action}\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 ${text}\n`,
      );
      const report = readReport(Buffer.from(`Content-Type: message/delivery-status\n\nA: b\n\n${fields.join("\n")}`));
      if (report === null) return;
      const allowed = single ? ["bob@fabrikam.example"] : ["bob@fabrikam.example", "eve@fabrikam.example"];
      const { fates, note = "" } = interpretReport(report, tokenFor(...allowed), recipients);
      for (const { n, text, remote } of fates) {
        assert.ok(allowed.includes(recipients[n]?.address ?? ""));
        assert.ok(text.length + remote.length < 2000);
      }
      assert.ok(note.length < 1500);
    }),
  );
});
