import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { openPauses } from "./open-pauses.ts";

test("pauses outlive the process, changes at the same time too; a file that is none is not taken for none", async () => {
  using folder = temporaryFolder();
  const pauses = await openPauses(folder.path);
  await Promise.all(["a", "__proto__", "c"].map((name) => pauses.set(name, { by: "console", at: 7 })));
  await pauses.remove("c");
  const again = await openPauses(folder.path);
  assert.deepEqual(again.get("a"), { by: "console", at: 7 });
  assert.deepEqual(again.get("__proto__"), { by: "console", at: 7 });
  for (const name of ["c", "constructor"]) assert.equal(again.get(name), undefined);
  for (const text of ["", "[]", "null", '{"a":{"by":"x"}}']) {
    writeFileSync(join(folder.path, "pauses.json"), text);
    await assert.rejects(openPauses(folder.path), /does not hold paused routes/);
  }
});
