import assert from "node:assert/strict";
import { test } from "node:test";
import { skipUnless } from "../support/programs.ts";
import { diskErrorKinds } from "./disk-error-cases.ts";
import { diskErrors } from "./disk-errors.ts";

const skip = skipUnless("strace");
const count = Number(process.env["PROOF_STEPS"] ?? 24);

/** The WAL is written dozens of times in a start and hundreds of times under load: the first steps one by one, then some of the rest. */
function stepsOf({ name, files, calls }: (typeof diskErrorKinds)[number]): readonly string[] {
  if (name === "database not synced") return ["1", "2"];
  const dense = calls !== "pwrite64" || files[0] !== "queue.sqlite-wal";
  const steps = Array.from({ length: dense ? Math.ceil(count / 2) : count }, (_, n) => (dense || n < 6 ? n + 1 : 6 + (n - 5) * 7));
  // A few calls only: while nothing is accepted, the WAL is written about once a second, by somebody who looks whether it can be.
  return steps.map((step) => (name === "no space for a while" ? `${step}..${step + 3}` : String(step)));
}

for (const kind of diskErrorKinds) {
  const steps = stepsOf(kind);
  test(`errors of the disk at ${steps.length} steps: ${kind.name}`, { skip, timeout: 900_000 }, async (t) => {
    const report = await diskErrors(
      steps.map((when) => ({ ...kind, when })),
      { drainMs: 60_000 },
    );
    t.diagnostic(JSON.stringify(report));
    assert.ok((report.met[kind.name] ?? 0) > 0, "the error was met");
  });
}
