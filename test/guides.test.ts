import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { DemoWorld } from "./support/demo-world.ts";
import { freePort } from "./support/free-port.ts";
import { GatewayProcess } from "./support/gateway-process.ts";
import { until } from "./support/until.ts";

const root = join(import.meta.dirname, "..");
const run = promisify(execFile);

test("the first steps happen as written", { timeout: 180_000 }, async () => {
  const guide = readFileSync(join(root, "docs/guides/first-steps.md"), "utf8");
  await using world = await DemoWorld.open();
  const [devices, console] = [await freePort(), await freePort()];
  let id = "";
  /** As somebody would type it, but for the demo and the folder of this test. */
  const here = (text: string): string =>
    text
      .replace(/\b(10025|10027)\b/g, (port) => String(Number(port) + world.demo.portOffset))
      .replace(/\b3525\b/g, String(devices))
      .replace(/\b3025\b/g, String(console))
      .replaceAll(".postern/", `${world.data}/`)
      .replace(/(?<![\w/])office(-copy|-again|\.yaml)?(?!\w)/g, (name) => world.file(name))
      .replaceAll("006YRMHE40D", id);
  const play = async (command: string): Promise<string> =>
    (await run("sh", ["-e", "-c", here(command)], { cwd: root, timeout: 60_000 })).stdout;

  const yaml = /```yaml\n([^`]*)```/.exec(guide)?.[1] ?? "";
  writeFileSync(world.file("office.yaml"), here(yaml));
  const commands = (guide.match(/^ {4}(?=bin\/).*$/gm) ?? []).map((line) => line.trim());
  const next = (start: string): string => {
    const command = commands.shift() ?? "";
    assert.ok(command.startsWith(`bin/postern ${start}`), `${command} is not ${start}`);
    return command;
  };

  assert.match(await play(next("check-config")), /no faults/);
  assert.match(next("serve"), /-c office\.yaml --data office$/);
  const place = { folder: root, data: world.file("office"), config: world.file("office.yaml"), port: devices };
  await using _gateway = await GatewayProcess.ready(place);
  assert.match(await play(next("status")), /listener devices \(relay\) .* up/);
  assert.match(await play(next("routes probe")), /takes mail over TLSv1/);
  id = (await play(next("send"))).trim();
  assert.match(id, /^[0-9A-Z]{11}$/);
  for (const address of ["ann@contoso.example", "bob@fabrikam.example"]) await world.arrived(address, "Scan");
  assert.match(await play(next("trace")), new RegExp(`${id}.* scanner@contoso\\.example`));
  assert.match(await play(next("trace")), /ann@contoso\.example: relayed/);
  assert.match(await play(next("why")), /Rule "colleagues" decides/);
  await assert.rejects(play(next("send")), { code: 65 });
  assert.equal(await play(next("routes pause")), "outside: paused\n");
  await play(next("send"));
  assert.match(await play(next("queue")), /bob@fabrikam\.example +queued/);
  assert.equal(await play(next("queue hold")), "1 recipient held\n");
  assert.equal(await play(next("routes resume")), "outside: working\n");
  assert.deepEqual(
    (await world.received("bob@fabrikam.example")).map(({ subject }) => subject),
    ["Scan"],
  );
  assert.equal(await play(next("queue release")), "1 recipient released\n");
  await world.arrived("bob@fabrikam.example", "Waits");
  writeFileSync(world.file("office.yaml"), here(yaml).replace("name: others", "name: everybody-else"));
  assert.equal(await play(next("reload")), "in force: routing\n");
  await until("nothing waits", async () => (await play("bin/postern queue --count --data office")) === "0\n");
  await play(next("backup"));
  assert.match(await play(next("restore")), /^0 messages/);
  assert.deepEqual(commands, []);
});
