import assert from "node:assert/strict";
import { test } from "node:test";
import { field } from "./fields.ts";

test("a peer's endless words are broken so that no line is too long, and nothing of them is lost", () => {
  for (const length of [75, 899, 900, 901, 1799, 1800, 1801, 2000]) {
    const value = Array.from({ length }, (_, n) => String.fromCharCode(97 + (n % 26))).join("");
    const text = field("Diagnostic-Code", value, false);
    // RFC 5322 §2.1.1
    for (const line of text.split("\r\n")) assert.ok(line.length <= 998, `${length}: a line of ${line.length}`);
    assert.equal(text.replace("Diagnostic-Code:", "").replace(/\s/g, ""), value);
  }
});

test("words that are only just not too long cost no more than others", () => {
  const value = `${"x".repeat(899)} ${"x".repeat(899)}`;
  const before = process.cpuUsage();
  for (let n = 0; n < 1000; n++) field("Diagnostic-Code", value, false);
  // Processor time: a search that begins anew at each character takes three seconds.
  const tookMs = process.cpuUsage(before).user / 1000;
  assert.ok(tookMs < 1000, `${Math.round(tookMs)} ms`);
});
