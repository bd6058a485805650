/**
 * Refresh tokens and pins: small files that are replaced whole. Killed at any moment, what was said to be durable, or what came after it, is
 * there; and the calls to the system show that a power cut would find it, too.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openPins } from "../../src/compose/open-pins.ts";
import { openTokenSources } from "../../src/identity/tokens/open-token-sources.ts";
import { RefreshTokenStore } from "../../src/identity/tokens/refresh-token-store.ts";
import { PolicyClock } from "../../src/lib/clock.ts";
import { changeable } from "../support/readers.ts";
import { skipUnless } from "../support/programs.ts";
import { readTrace, straceTo } from "../support/system-calls.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const rounds = Number(process.env["CRASH_ROUNDS"] ?? 10);
const program = join(import.meta.dirname, "replace-until-killed.ts");
const key = changeable("0123456789abcdef0123456789abcdef");

/** The last number that was told to be durable. */
async function runAndKill(what: string, directory: string, first: number, afterMs: number): Promise<number> {
  const child = spawn(process.execPath, [program, what, directory, String(first)], { stdio: ["ignore", "pipe", "inherit"] });
  let told = "";
  let kill: NodeJS.Timeout | undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    told += text;
    kill ??= setTimeout(() => child.kill("SIGKILL"), afterMs);
  });
  await once(child, "close");
  // A line that was cut off was not told.
  return Number(told.split("\n").at(-2));
}

async function newestToken(directory: string): Promise<number> {
  const kept = await new RefreshTokenStore(directory, key).read("one");
  assert.ok(kept.ok, "not readable");
  return Number(/^refresh-(\d+)-x{2000}$/.exec(kept.token)?.[1]);
}

async function newestPin(directory: string): Promise<number> {
  using clock = new PolicyClock();
  using board = await openPins(directory, clock, () => undefined);
  return Number(board.list().at(-1)?.route.slice("route-".length));
}

for (const [what, newest] of [
  ["token", newestToken],
  ["pins", newestPin],
] as const) {
  test(`${what}: kill -9 in the middle of replacing, ${rounds} times`, { timeout: 30_000 + rounds * 5000 }, async () => {
    using folder = temporaryFolder();
    let last = 0;
    for (let round = 0; round < rounds; round++) {
      const told = await runAndKill(what, folder.path, last, round * 3);
      assert.ok(told > last, "the child got nowhere");
      last = await newest(folder.path);
      assert.ok(last === told || last === told + 1, `${told} was durable, ${last} is there`);
    }
  });

  test(`${what}: the new name is synced before it is said to be durable`, { skip: skipUnless("strace"), timeout: 60_000 }, async () => {
    using folder = temporaryFolder();
    const [trace, data, times] = [join(folder.path, "trace"), join(folder.path, "data"), 3];
    mkdirSync(data);
    const [strace = "", ...args] = straceTo(trace);
    const child = spawn(strace, [...args, process.execPath, program, what, data, "0", String(times)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await once(child, "close");
    const calls = readTrace(trace, (line) => /^\d+ +(?:<\.\.\. )?(?:rename|fsync|write)/.test(line));
    const saidAt = calls.filter(({ name, args: given }) => name === "write" && /^"\d+\\n", \d+$/.test(given)).map(({ begin }) => begin);
    assert.equal(saidAt.length, times);
    const renames = calls.filter(({ name, args: given }) => name.startsWith("rename") && given.includes(`/data/`));
    const syncs = calls.filter(({ name, result }) => name === "fsync" && result === 0);
    for (const said of saidAt) {
      const renamed = renames.findLast(({ begin }) => begin < said) ?? assert.fail("never renamed");
      const [, file = ""] = /"([^"]+)"[^"]*$/.exec(renamed.args) ?? [];
      const folderOfIt = join(file, "..");
      assert.ok(
        syncs.some(({ path, begin, end }) => path === folderOfIt && begin > (renamed.end ?? 0) && (end ?? Infinity) < said),
        `${folderOfIt} was not synced between the rename and the word`,
      );
      assert.ok(
        syncs.some(({ path, end }) => path?.startsWith(`${file}.`) === true && (end ?? Infinity) < renamed.begin),
        `${file} was not synced before it was renamed`,
      );
    }
  });
}

test("what a kill left half-written goes at the next start, and nothing else", async () => {
  using folder = temporaryFolder();
  await new RefreshTokenStore(folder.path, key).write("one", "refresh-1");
  const half = ["tokens/one.token.0123456789ab.new", "pins.json.ba9876543210.new"];
  const others = ["tokens/notes.new", "tokens/one.token.new", "pins.json.bak"];
  for (const name of [...half, ...others]) writeFileSync(join(folder.path, name), "[]");
  openTokenSources(
    {
      identities: [{ name: "one", kind: "device-code", authority: "https://login.example", tenant: "t", clientId: "c" }],
      tokenStore: { key, timeoutMs: 1000 },
    },
    { dataDirectory: folder.path, http: () => null as never, now: Date.now, env: () => undefined },
  );
  using clock = new PolicyClock();
  using _board = await openPins(folder.path, clock, () => undefined);
  const left = readdirSync(folder.path, { recursive: true, encoding: "utf8" }).toSorted();
  assert.deepEqual(left, [...others, "tokens", "tokens/one.token"].toSorted());
});
