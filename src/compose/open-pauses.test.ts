import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { openPauses } from "./open-pauses.ts";

const unexpected = (error: unknown): never => {
  throw error;
};

test("pauses outlive the process, changes at the same time too; a file that is none is not taken for none", async () => {
  using folder = temporaryFolder();
  const pauses = await openPauses(folder.path, unexpected);
  await Promise.all(["a", "__proto__", "c"].map((name) => pauses.set(name, { by: "console", at: 7 })));
  await pauses.remove("c");
  const again = await openPauses(folder.path, unexpected);
  assert.deepEqual(again.get("a"), { by: "console", at: 7 });
  assert.deepEqual(again.get("__proto__"), { by: "console", at: 7 });
  for (const name of ["c", "constructor"]) assert.equal(again.get(name), undefined);
  for (const text of ["", "[]", "null", '{"a":{"by":"x"}}']) {
    writeFileSync(join(folder.path, "pauses.json"), text);
    await assert.rejects(openPauses(folder.path, unexpected), /does not hold paused routes/);
  }
});

test("what cannot be written holds all the same, and is told; the last to go takes the file with it", async () => {
  using folder = temporaryFolder();
  const troubles: unknown[] = [];
  const pauses = await openPauses(folder.path, (error) => troubles.push(error));
  const path = join(folder.path, "pauses.json");
  // A folder cannot be replaced by a file, whoever asks.
  mkdirSync(path);
  await pauses.set("a", { by: "console", at: 7 });
  assert.equal(troubles.length, 1);
  assert.deepEqual(pauses.get("a"), { by: "console", at: 7 });
  rmdirSync(path);
  await pauses.set("b", { by: "console", at: 8 });
  assert.deepEqual((await openPauses(folder.path, unexpected)).get("a"), { by: "console", at: 7 }, "written with the next one");
  await pauses.remove("a");
  await pauses.remove("b");
  assert.ok(!existsSync(path));
  assert.equal(troubles.length, 1);
});
