import assert from "node:assert/strict";
import { test } from "node:test";
import { skipUnless } from "../support/programs.ts";
import type { SystemCall } from "../support/system-calls.ts";
import { checkReplyOrder } from "./early-replies.ts";
import { recordRun } from "./recorded-run.ts";

test(
  "no positive reply is written before the sync that covers its message",
  { skip: skipUnless("strace"), timeout: 120_000 },
  async (t) => {
    using run = await recordRun({ paused: false, single: 60, parallel: 240, rests: 1, sinkMs: 2 });
    const { calls, data, messages } = run;
    const accepted = messages.filter(({ state }) => state === "accepted").length;
    assert.equal(accepted, 600);
    const report = checkReplyOrder(calls, data, messages);
    t.diagnostic(
      `${report.replies} replies, ${report.large} large messages, ${calls.length} calls, trace of ${Math.round(run.traceBytes / 1e6)} MB`,
    );
    assert.deepEqual(report.violations, []);
    assert.equal(report.replies, accepted);
    assert.ok(report.large >= 70, "large messages go to segments");

    await t.test("and the check notices when a sync is missing", () => {
      const isSync = ({ name }: SystemCall): boolean => name === "fsync" || name === "fdatasync";
      const without = (drop: (call: SystemCall, n: number) => boolean) => {
        let n = 0;
        const fewer = calls.filter((call) => !isSync(call) || !drop(call, n++));
        return checkReplyOrder(fewer, data, messages).violations.length;
      };
      const toWal = (call: SystemCall): boolean => call.path?.endsWith("-wal") === true;
      const toSegment = (call: SystemCall): boolean => call.path?.endsWith(".seg") === true;
      assert.equal(without(toWal), accepted, "the WAL is never synced");
      assert.ok(without((call, n) => toWal(call) && n % 5 === 0) > 0, "every fifth sync of the WAL is missing");
      assert.equal(without(toSegment), report.large, "segments are never synced");
      assert.ok(without((call, n) => toSegment(call) && n % 5 === 0) > 0, "every fifth sync of a segment is missing");
      // A sync that began before the data was written covers nothing, though it ends after.
      const early = calls.map((call) => (isSync(call) ? { ...call, begin: 0 } : call));
      assert.equal(checkReplyOrder(early, data, messages).violations.length, accepted + report.large);
      const failed = calls.map((call) => (isSync(call) ? { ...call, result: -1 } : call));
      assert.equal(checkReplyOrder(failed, data, messages).violations.length, accepted + report.large);
    });
  },
);
