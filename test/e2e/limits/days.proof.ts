/** As days.test.ts, with amounts of the services' own: ACS and what a mailbox receives as published, mailboxes with a fifth of theirs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { playDays } from "./play-days.ts";

test("days at every limit, with kill -9 and another sender in between", { timeout: 900_000 }, async (context) => {
  const figures = await playDays(
    {
      externalPerDay: 4000,
      onmicrosoftPerDay: 100,
      mailboxPerDay: 2000,
      hvePerDay: 2000,
      acsPerHour: 100,
      acsPerMinute: 30,
      receivedPerHour: 3600,
      receivedFromOnePerHour: 1200,
      hours: 2,
    },
    { seed: 2, tell: (text) => context.diagnostic(text) },
  );
  context.diagnostic(JSON.stringify(figures));
  assert.deepEqual(figures.refusals, [], "no limit was broken");
  assert.equal(figures.delayed, 0, "and no message held up");
  for (const { limit, used, allowed } of figures.uses) {
    assert.ok(used >= 0.98 * allowed, `${limit}: ${used} of ${allowed}`);
    assert.ok(used <= allowed, `${limit}: ${used} of ${allowed}`);
  }
  const { learned } = figures;
  assert.ok(learned.refusals > 0 && learned.refusals <= 150, `${learned.refusals} refusals until the account knew of the other sender`);
  assert.ok(learned.share >= 0.95 && learned.share <= 1, `${learned.share} of what the other sender left`);
  assert.ok(learned.recoveredAfterMinutes <= 60, `back after ${learned.recoveredAfterMinutes} minutes`);
});
