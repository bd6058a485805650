/**
 * Postern's account against the sandbox's, which counts by force, shares no code with it and counts up to 5 s late: nothing is refused for a
 * limit, nothing is wasted, everything is sent once. Small amounts here; days.proof.ts has the services' own.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { playDays } from "./play-days.ts";

test("days at every limit, with kill -9 and another sender in between", { timeout: 170_000 }, async (context) => {
  const figures = await playDays(
    {
      externalPerDay: 400,
      onmicrosoftPerDay: 20,
      mailboxPerDay: 120,
      hvePerDay: 150,
      acsPerHour: 40,
      acsPerMinute: 10,
      receivedPerHour: 60,
      receivedFromOnePerHour: 20,
      hours: 6,
    },
    { seed: 1, tell: (text) => context.diagnostic(text) },
  );
  context.diagnostic(JSON.stringify(figures));
  assert.deepEqual(figures.refusals, [], "no limit was broken");
  assert.equal(figures.delayed, 0, "and no message held up");
  for (const { limit, used, allowed, atKill } of figures.uses) {
    assert.ok(used >= 0.98 * allowed - figures.kills * atKill, `${limit}: ${used} of ${allowed}`);
    assert.ok(used <= allowed, `${limit}: ${used} of ${allowed}`);
  }
  const { learned } = figures;
  assert.ok(learned.refusals > 0 && learned.refusals <= 150, `${learned.refusals} refusals until the account knew of the other sender`);
  assert.ok(learned.share >= 0.95 && learned.share <= 1, `${learned.share} of what the other sender left`);
  assert.ok(learned.recoveredAfterMinutes <= 60, `back after ${learned.recoveredAfterMinutes} minutes`);
});
