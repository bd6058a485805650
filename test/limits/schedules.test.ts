import assert from "node:assert/strict";
import { test } from "node:test";
import { ruleOf } from "../../src/limits/support.ts";
import { breaches, type Sent } from "./judge.ts";
import { playMany } from "./play-many.ts";

test("no limit is broken in random schedules with crashes, steps of the clock and up to eight workers", { timeout: 120_000 }, async (t) => {
  const seed = Date.now() % 1_000_000_000;
  const tally = await playMany(seed, 300);
  t.diagnostic(`seeds from ${seed}: ${JSON.stringify(tally)}`);
  // Otherwise limits were not met, and nothing was proved.
  assert.ok(tally.refused > 5000 && tally.restarts > 200, JSON.stringify(tally));
});

test("the judge notices a unit too many, at the moment that is worst", () => {
  const rule = ruleOf({ amount: 2, windowMs: 1000 });
  const sent = (reservedAt: number, endedAt: number): Sent => ({
    route: "main",
    principal: "erp",
    sender: "app@contoso.example",
    reversePath: "app@contoso.example",
    size: 1,
    isExternal: true,
    reservedAt,
    endedAt,
    closedAt: endedAt,
    asked: true,
    recipients: [{ address: "bob@fabrikam.example", fate: "taken" }],
  });
  // The service may have counted the first at 501 (a 720th of a second late) and the last at 1500.
  assert.equal(breaches([rule], [sent(0, 500), sent(600, 700), sent(1500, 1600)]).length, 1);
  assert.deepEqual(breaches([rule], [sent(0, 500), sent(600, 700), sent(1502, 1600)]), []);
});
