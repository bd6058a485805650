import assert from "node:assert/strict";
import { play } from "./schedule.ts";

export interface Tally {
  readonly schedules: number;
  readonly admitted: number;
  readonly refused: number;
  readonly restarts: number;
}

/** Plays schedules with the seeds from `first` on; rejects with the seed of one that broke a limit or a promise. */
export async function playMany(first: number, schedules: number): Promise<Tally> {
  const tally = { schedules, admitted: 0, refused: 0, restarts: 0 };
  for (let seed = first; seed < first + schedules; seed++) {
    const played = await play(seed);
    assert.deepEqual(played.breaches, [], `seed ${seed} breaks a limit`);
    assert.deepEqual(played.faults, [], `seed ${seed}`);
    tally.admitted += played.admitted;
    tally.refused += played.refused;
    tally.restarts += played.restarts;
  }
  return tally;
}
