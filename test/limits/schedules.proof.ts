import assert from "node:assert/strict";
import { test } from "node:test";
import { playMany } from "./play-many.ts";

test("no limit is broken in 10,000 random schedules", { timeout: 900_000 }, async (t) => {
  const tally = await playMany(1, 10_000);
  t.diagnostic(JSON.stringify(tally));
  assert.ok(tally.refused > 100_000 && tally.restarts > 5000, JSON.stringify(tally));
});
