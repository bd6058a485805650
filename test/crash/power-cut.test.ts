import assert from "node:assert/strict";
import { test } from "node:test";
import { skipUnless } from "../support/programs.ts";
import type { SystemCall } from "../support/system-calls.ts";
import { cutPower } from "./power-cuts.ts";
import { recordRun } from "./recorded-run.ts";

const skip = skipUnless("strace");

test("what was accepted survives power cuts", { skip, timeout: 180_000 }, async (t) => {
  using run = await recordRun({ paused: false, single: 25, parallel: 100, rests: 1, sinkMs: 30 });
  const seed = Date.now() % 1_000_000;
  const report = await cutPower(run, { images: 32, seed });
  t.diagnostic(`seed ${seed}: ${JSON.stringify(report)}`);
  assert.deepEqual(report.violations, []);
  assert.ok(report.promised > 0 && report.harmed > 0, "cuts that harm nothing prove nothing");

  await t.test("and the check notices when a sync does nothing", async () => {
    const toWal = ({ path }: SystemCall): boolean => path?.endsWith("-wal") === true;
    const wal = await cutPower(run, { images: 4, seed, ignored: toWal, fates: ["none", "some"] });
    assert.ok(wal.violations.length > 0, "syncs of the WAL");
    const toSegment = ({ path }: SystemCall): boolean => path?.endsWith(".seg") === true;
    const segment = await cutPower(run, { images: 8, seed, ignored: toSegment, fates: ["none"] });
    assert.ok(segment.violations.length > 0, "syncs of segments");
  });
});
