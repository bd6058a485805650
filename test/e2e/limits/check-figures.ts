import assert from "node:assert/strict";
import type { Figures } from "./play-days.ts";

const leastShare = 0.98;
/** The account finds out about the other sender by trying: at once with all that is under way, then twice an hour or so. */
const mostRefusals = 150;

/** @param counted whether what a kill -9 costs (it is taken for sent) is counted as not used, for this limit */
export function checkFigures(figures: Figures, counted: (limit: string) => boolean): void {
  assert.deepEqual(figures.refusals, [], "no limit was broken");
  assert.equal(figures.delayed, 0, "and no message held up");
  for (const { limit, used, allowed, atKill } of figures.uses) {
    const least = leastShare * allowed - (counted(limit) ? 0 : figures.kills * atKill);
    assert.ok(used >= least && used <= allowed, `${limit}: ${used} of ${allowed}`);
  }
  const { refusals, share, recoveredAfterMinutes } = figures.learned;
  assert.ok(refusals > 0 && refusals <= mostRefusals, `${refusals} refusals while another sender used half`);
  assert.ok(share >= 0.95 && share <= 1, `${share} of what the other sender left was used`);
  assert.ok(recoveredAfterMinutes <= 60, `${recoveredAfterMinutes} minutes until it was back`);
}
