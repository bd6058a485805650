import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { openPins } from "../compose/open-pins.ts";
import { mtaStsFile, pinsFile, stateFiles } from "../compose/state-files.ts";
import { RefreshTokenStore } from "../identity/tokens/refresh-token-store.ts";
import { PolicyClock } from "../lib/clock.ts";
import { openStore } from "../store/sqlite/open-store.ts";
import { restoreBackup } from "./restore.ts";

const key = { label: "key", read: () => "a key of the operator", version: () => "1", toJSON: () => "key" };
const policies = JSON.stringify({ version: 1, policies: {} });

async function open(directory: string) {
  return openStore({ directory, beside: stateFiles, now: () => Date.now(), onFault: assert.fail });
}

test("pins, kept policies and refresh tokens are in a backup, encrypted as they are, and come back", async () => {
  using folder = temporaryFolder();
  using clock = new PolicyClock();
  const [data, copy, back] = ["data", "copy", "back"].map((name) => join(folder.path, name)) as [string, string, string];
  {
    await using opened = await open(data);
    using pins = await openPins(data, clock, () => undefined);
    await pins.add({ route: "hve", principal: "scanner", by: "command line" });
    await new RefreshTokenStore(data, key).write("robot", "refresh-token-1");
    writeFileSync(join(data, mtaStsFile), policies);
    // A kill while it was written has left this; it is no state.
    writeFileSync(join(data, "tokens", "robot.token.0123456789ab.new"), "half");
    await opened.backup(copy);
  }
  assert.ok(!readFileSync(join(copy, "tokens", "robot.token"), "latin1").includes("refresh-token"));
  assert.deepEqual(readdirSync(join(copy, "tokens")), ["robot.token"]);
  mkdirSync(back);
  await restoreBackup(copy, back, false);
  assert.deepEqual(await new RefreshTokenStore(back, key).read("robot"), { ok: true, token: "refresh-token-1" });
  assert.equal(readFileSync(join(back, mtaStsFile), "utf8"), policies);
  using again = await openPins(back, clock, () => undefined);
  assert.deepEqual(
    again.list().map(({ route, principal }) => [route, principal]),
    [["hve", "scanner"]],
  );
});

test("what a backup does not have stays as it is; what it has is put aside first, and put back when the backup is no good", async () => {
  using folder = temporaryFolder();
  using clock = new PolicyClock();
  const [data, copy] = ["data", "copy"].map((name) => join(folder.path, name)) as [string, string];
  {
    await using opened = await open(data);
    using pins = await openPins(data, clock, () => undefined);
    await pins.add({ route: "before", to: "*", by: "x" });
    await opened.backup(copy);
    await pins.add({ route: "after", to: "*", by: "x" });
    await new RefreshTokenStore(data, key).write("robot", "refresh-token-1");
  }
  const routes = async () => {
    using pins = await openPins(data, clock, () => undefined);
    return pins.list().map(({ route }) => route);
  };
  const { replaced } = await restoreBackup(copy, data, true);
  assert.deepEqual(await routes(), ["before"]);
  assert.match(readFileSync(join(replaced ?? "", pinsFile), "utf8"), /after/);
  assert.deepEqual(await new RefreshTokenStore(data, key).read("robot"), { ok: true, token: "refresh-token-1" });

  writeFileSync(join(copy, "queue.sqlite"), "damaged".repeat(1000));
  writeFileSync(join(data, pinsFile), "[]");
  await assert.rejects(restoreBackup(copy, data, true));
  assert.deepEqual(await routes(), []);
  assert.ok(existsSync(join(data, "queue.sqlite")));
});
