import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { lockDirectory } from "../../src/store/sqlite/directory-lock.ts";
import { postern } from "../support/cli.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("a demo leaves alone what another that has just started is writing", { timeout: 60_000 }, async () => {
  using folder = temporaryFolder();
  using _held = lockDirectory(folder.path, "demo-lock.sqlite");
  // Another demo of this machine may hold the ports of one offset; the check of the ports comes first.
  for (let offset = 18_000; ; offset += 100) {
    const { code, stderr } = await postern(["demo", "--data", folder.path, "--port-offset", String(offset)]);
    if (offset < 18_900 && /is taken/.test(stderr)) continue;
    assert.match(stderr, /another demo starts or runs in/);
    assert.equal(code, 69);
    break;
  }
  for (const name of ["ca.key", "gateway.yaml", "demo.json"]) assert.ok(!existsSync(join(folder.path, name)), name);
});
