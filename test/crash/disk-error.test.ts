import assert from "node:assert/strict";
import { test } from "node:test";
import { skipUnless } from "../support/programs.ts";
import { kindNamed } from "./disk-error-cases.ts";
import { diskErrors } from "./disk-errors.ts";

/** The first calls of a process belong to its start; a dozen later it is under load. */
const errors = [
  { ...kindNamed("no space for the WAL"), when: "2" },
  { ...kindNamed("no space for the WAL"), when: "61" },
  { ...kindNamed("no space for a while"), when: "50..53" },
  { ...kindNamed("WAL not written"), when: "70" },
  { ...kindNamed("WAL not synced"), when: "2" },
  { ...kindNamed("WAL not synced"), when: "12" },
  { ...kindNamed("no space for a segment"), when: "1..3" },
  { ...kindNamed("segment not written"), when: "2" },
  { ...kindNamed("segment not synced"), when: "2" },
];

test("errors of the disk lose nothing that was accepted", { skip: skipUnless("strace"), timeout: 180_000 }, async (t) => {
  const report = await diskErrors(errors, { drainMs: 30_000 });
  t.diagnostic(JSON.stringify(report));
  assert.deepEqual(Object.keys(report.met).length, 7, `every kind of error was met: ${JSON.stringify(report.met)}`);
});
