import assert from "node:assert/strict";
import { test } from "node:test";
import { heapAfterDay, publishedRules } from "../../bench/measures/limits.ts";

test("24 hours with 1,000,000 recipients, 10,000 of them distinct, take less than 30 MB", { timeout: 120_000 }, async (t) => {
  const heapBytes = await heapAfterDay(1_000_000, 10_000, publishedRules);
  t.diagnostic(`${(heapBytes / 1e6).toFixed(1)} MB`);
  assert.ok(heapBytes < 30e6, `${heapBytes}`);
});
