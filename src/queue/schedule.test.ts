import assert from "node:assert/strict";
import { test } from "node:test";
import { retryDelayMs } from "./schedule.ts";

const retry = { firstMs: 60_000, factor: 2, longestMs: 3_600_000, jitter: 0.2 };

test("waits grow by the factor up to the longest", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((attempts) => retryDelayMs(attempts, { ...retry, jitter: 0 }, 0.7) / 60_000);
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test("jitter spreads a wait evenly around its plain value", () => {
  assert.equal(retryDelayMs(1, retry, 0), 48_000);
  assert.equal(retryDelayMs(1, retry, 0.5), 60_000);
  assert.ok(retryDelayMs(1, retry, 0.999_999) <= 72_000);
});
