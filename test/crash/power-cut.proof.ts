import assert from "node:assert/strict";
import { test } from "node:test";
import { skipUnless } from "../support/programs.ts";
import { cutPower } from "./power-cuts.ts";
import { recordRun } from "./recorded-run.ts";

const images = Number(process.env["PROOF_IMAGES"] ?? 300);
const skip = skipUnless("strace");

for (const [name, options] of [
  ["while all is relayed", { paused: false, single: 40, parallel: 160, rests: 3, sinkMs: 20 }],
  ["while nothing is relayed", { paused: true, single: 40, parallel: 160, rests: 2 }],
  // So many that finished messages move to the history.
  ["while the history is written", { paused: false, single: 10, parallel: 1600, rests: 1, sinkMs: 0 }],
] as const) {
  test(`what was accepted survives power cuts ${name}`, { skip, timeout: 1_200_000 }, async (t) => {
    using run = await recordRun(options);
    const seed = Date.now() % 1_000_000;
    const report = await cutPower(run, { images, seed });
    t.diagnostic(`seed ${seed}: ${JSON.stringify({ ...report, violations: report.violations.length })}`);
    assert.deepEqual(report.violations.slice(0, 20), []);
    assert.ok(report.promised > 0 && report.harmed > 0);
  });
}
