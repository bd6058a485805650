import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatSize, isoTime, parseDuration, parseSize } from "./units.ts";

test("durations", () => {
  for (const [text, ms] of [
    ["90s", 90_000],
    ["5m", 300_000],
    ["4h", 14_400_000],
    ["2d", 172_800_000],
    ["1.5h", 5_400_000],
    ["0s", 0],
    ["250ms", 250],
  ] as const) {
    assert.equal(parseDuration(text), ms, text);
  }
  for (const text of ["", "5", "m", "5 m", "-5m", "5M", "5min", "1e3s", "999999999999999999d", "Infinityd"])
    assert.equal(parseDuration(text), null, text);
  assert.equal(formatDuration(90_000), "1m 30s");
  assert.equal(formatDuration(3_600_000), "1h");
  assert.equal(formatDuration(3_605_000), "1h");
  assert.equal(formatDuration(100_000_000), "1d 3h");
  assert.equal(formatDuration(250), "250ms");
});

test("what is formatted is near what it says", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1000, max: 10 ** 10 }), (ms) => {
      const sum = formatDuration(ms)
        .split(" ")
        .reduce((total, part) => total + (parseDuration(part) ?? Number.NaN), 0);
      assert.ok(sum > 0 && Math.abs(sum - ms) <= ms / 10, `${ms} ${formatDuration(ms)}`);
    }),
  );
});

test("sizes", () => {
  for (const [text, bytes] of [
    ["10MB", 10_485_760],
    ["64KB", 65_536],
    ["1.5GB", 1_610_612_736],
    ["10", 10],
    ["10 mb", 10_485_760],
    ["80k", 81_920],
    ["0", 0],
  ] as const) {
    assert.equal(parseSize(text), bytes, text);
  }
  for (const text of ["", "MB", "-1MB", "10XB", "99999999TB", "1e9"]) assert.equal(parseSize(text), null, text);
  assert.equal(formatSize(1536), "1.5 KB");
  assert.equal(formatSize(10), "10 B");
});

test("times out of the calendar do not throw", () => {
  assert.equal(isoTime(Number.MAX_SAFE_INTEGER), "9999-12-31T23:59:59.999Z");
  assert.equal(isoTime(0), "1970-01-01T00:00:00.000Z");
});
