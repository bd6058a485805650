import assert from "node:assert/strict";
import { test } from "node:test";
import { killRounds } from "./kill-rounds.ts";

const rounds = Number(process.env["PROOF_ROUNDS"] ?? 120);

test(`kill -9, ${rounds} rounds on one data directory`, { timeout: 1_200_000 }, async (t) => {
  const seed = Date.now() % 1_000_000;
  const report = await killRounds({ rounds, seed, sessions: 6, pauseMs: 8, lifeMs: 2500, drainMs: 180_000 });
  t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`);
  assert.ok(report.acceptedMessages > rounds * 10, `only ${report.acceptedMessages} messages were accepted`);
  // In so many rounds a crash must have met work in flight, or the kills came at the wrong moments.
  assert.ok(report.leasedAtEnds > 0);
});
