import assert from "node:assert/strict";
import type { Compared } from "./play.ts";

/** The forecast promises to be no further off. */
const promised = 0.02;

export function assertNear({ foreseenMs, reallyMs }: Compared): void {
  const off = foreseenMs / reallyMs - 1;
  assert.ok(Math.abs(off) < promised, `foreseen ${foreseenMs} ms, really ${reallyMs} ms: ${(off * 100).toFixed(2)} % off`);
}
