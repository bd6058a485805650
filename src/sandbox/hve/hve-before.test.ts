/** High Volume Email as it was: `clock.startAt` begins on a day of the preview, and what held then holds. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { login, openRoom, sendMail } from "../../../test/support/room-client.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import type { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { credentials } from "../credentials.ts";

const { hveAccount: account, hvePassword: password } = credentials;

async function logged(sandbox: TestSandbox): Promise<SmtpDialog> {
  const dialog = await openRoom(sandbox, "hve");
  assert.equal(await login(dialog, account, password), "235 2.7.0 Authentication successful");
  return dialog;
}

const used = async (sandbox: TestSandbox): Promise<Record<string, readonly [number, number | null]>> => {
  const lines = (await sandbox.call("GET", "/api/usage?service=hve")).body as { what: string; used: number; limit: number | null }[];
  return Object.fromEntries(lines.map(({ what, used: units, limit }) => [what, [units, limit]]));
};
/** 50 of one domain: as many as a message has. */
const fifty = (domain: string, n = 0) => Array.from({ length: 50 }, (_, i) => `r${n}-${i}@${domain}`);

suite("High Volume Email before June 2025", () => {
  test("2,000 external recipients a day are taken, and not one more; on the first of June none", async () => {
    await using sandbox = await openTestSandbox({ clock: { startAt: "2025-04-01" } });
    assert.match((await sandbox.call("GET", "/api/clock")).body.now, /^2025-04-01T00:00:/);
    using dialog = await logged(sandbox);
    for (let n = 0; n < 40; n++) assert.match(await sendMail(dialog, account, fifty("fabrikam.example", n)), /^250 /, `message ${n + 1}`);
    assert.match(await sendMail(dialog, account, ["one@fabrikam.example"]), /^550 5\.1\.90 /);
    assert.match(await sendMail(dialog, account, fifty("contoso.example")), /^250 /, "inside there is room");
    assert.deepEqual(await used(sandbox), { recipients: [2050, 100_000], "external-recipients": [2000, 2000] });
    await sandbox.call("POST", "/api/clock", { advance: "25h" });
    assert.match(await sendMail(dialog, account, ["one@fabrikam.example"]), /^250 /);
    await sandbox.call("POST", "/api/clock", { now: "2025-06-01T00:00:00Z" });
    assert.match(await sendMail(dialog, account, ["one@fabrikam.example"]), /^550 5\.7\.1 Recipient one@fabrikam\.example is outside/);
    assert.match(await sendMail(dialog, account, fifty("contoso.example")), /^250 /);
    assert.equal((await used(sandbox))["recipients"]?.[1], null, "no cap inside since May");
  });

  test("100,000 recipients a day for the tenant, to the last one", async () => {
    await using sandbox = await openTestSandbox({ clock: { startAt: "2025-04-30T00:00:00Z" } });
    using dialog = await logged(sandbox);
    await sandbox.call("POST", "/api/usage", { service: "hve", what: "recipients", units: 99_960 });
    assert.match(await sendMail(dialog, account, fifty("contoso.example")), /^550 5\.1\.90 /, "40 are left, not 50");
    assert.match(await sendMail(dialog, account, fifty("contoso.example").slice(0, 40)), /^250 /);
    assert.match(await sendMail(dialog, account, ["one@contoso.example"]), /^550 5\.1\.90 /);
    await sandbox.call("POST", "/api/clock", { now: "2025-05-01T00:00:01Z" });
    assert.match(await sendMail(dialog, account, fifty("contoso.example")), /^250 /);
  });

  test("no billing policy was needed until June 2026", async () => {
    await using sandbox = await openTestSandbox({ clock: { startAt: "2026-05-31" } });
    await sandbox.call("PATCH", `/api/hve-accounts/${account}`, { billingPolicyStatus: "NoProperBillingPolicyStored" });
    using dialog = await logged(sandbox);
    assert.match(await sendMail(dialog, account, ["ann@contoso.example"]), /^250 /);
    await sandbox.call("POST", "/api/clock", { now: "2026-06-01T00:00:00Z" });
    assert.match(await sendMail(dialog, account, ["ann@contoso.example"]), /^550 .*NoProperBillingPolicyStored/);
  });
});
