import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { killRounds } from "./kill-rounds.ts";

test("kill -9 at random moments under load loses nothing that was accepted", { timeout: 120_000 }, async (t) => {
  const seed = Date.now() % 1_000_000;
  const report = await killRounds({ rounds: 10, seed, sessions: 5, pauseMs: 10, lifeMs: 1200, drainMs: 30_000 });
  t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`);
  // Otherwise the load did not do its work, and the reckoning proved nothing.
  assert.ok(report.acceptedMessages > 100, `only ${report.acceptedMessages} messages were accepted`);
});

test("the reckoning notices what is lost", { timeout: 60_000 }, async () => {
  const options = { rounds: 2, seed: 1, sessions: 5, pauseMs: 10, lifeMs: 600, drainMs: 20_000, sinkMs: 100 };
  await assert.rejects(
    killRounds({ ...options, harm: (data) => rmSync(join(data, "queue.sqlite-wal"), { force: true }) }),
    assert.AssertionError,
  );
});
