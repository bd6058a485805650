import assert from "node:assert/strict";
import { test } from "node:test";
import { skipUnless } from "../support/programs.ts";
import { diskErrorKinds } from "./disk-error-cases.ts";
import { diskErrors } from "./disk-errors.ts";

const skip = skipUnless("strace");
const steps = Array.from({ length: Number(process.env["PROOF_STEPS"] ?? 24) }, (_, n) => String(n + 1));

for (const kind of diskErrorKinds) {
  test(`errors of the disk, each of ${steps.length} steps: ${kind.name}`, { skip, timeout: 600_000 }, async (t) => {
    const whens = kind.name === "no space for a while" ? steps.map((step) => `${step}..${Number(step) * 3 + 1}`) : steps;
    const report = await diskErrors(
      // The database is synced twice or so in a short life; the rest of the steps would wait for what does not come.
      whens.slice(0, kind.name === "database not synced" ? 2 : whens.length).map((when) => ({ ...kind, when })),
      { drainMs: 60_000 },
    );
    t.diagnostic(JSON.stringify(report));
    assert.ok((report.met[kind.name] ?? 0) > 0, "the error was met");
  });
}
