import assert from "node:assert/strict";
import { closeSync, cpSync, openSync, readSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { GatewayProcess, prepareGateway } from "../support/gateway-process.ts";
import { MailLoad } from "../support/mail-load.ts";
import { RelaySink } from "../support/relay-sink.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { readWal } from "../support/wal-file.ts";
import { inspectStore } from "./inspect-store.ts";

/** What a crash of the machine may do to the end of a file, and worse. */
const harms: readonly (readonly [name: string, harm: (wal: string, at: number, end: number) => void])[] = [
  ["cut off", (wal, at) => truncateSync(wal, at)],
  ["one bit turned", (wal, at) => overwrite(wal, at, (old) => old.fill((old[0] as number) ^ 0x10, 0, 1))],
  ["a sector of zeros", (wal, at) => overwrite(wal, at - (at % 512), (old) => old.fill(0))],
  ["a sector of something else", (wal, at) => overwrite(wal, at - (at % 512), (old) => old.fill("\x0d\x00\x00\x10"))],
  ["all behind it zeros", (wal, at, end) => overwrite(wal, at, (old) => old.fill(0), end - at)],
];

test("a WAL with a damaged end opens with all that was committed before the damage", { timeout: 120_000 }, async (t) => {
  using folder = temporaryFolder();
  await using sink = await RelaySink.open();
  const place = await prepareGateway(folder.path, { sink: sink.port, paused: true });
  await using gateway = await GatewayProcess.ready(place);
  const messages = await MailLoad.run({
    port: place.port,
    run: "tail00",
    sessions: 1,
    messages: 80,
    sizeOf: (n) => (n % 9 === 4 ? 70_000 : 300 + n * 100),
  });
  await gateway.kill();
  const { end, copiedEnd, committedAt } = readWal(join(place.data, "queue.sqlite"));
  const known = new Set(messages.map(({ token }) => token));
  assert.ok(committedAt.size > 20 && end > copiedEnd, "there is something to damage");

  const seed = Date.now() % 1_000_000;
  const random = seededRandom(seed);
  let [kept, lost] = [0, 0];
  for (const [name, harm] of harms) {
    using copy = temporaryFolder();
    const data = join(copy.path, "data");
    cpSync(place.data, data, { recursive: true, filter: (path) => !/\.sock$|ballast$|-shm$/.test(path) });
    // What the database has already is out of reach of a damaged tail.
    const at = Math.floor(copiedEnd + random() * (end - copiedEnd));
    harm(join(data, "queue.sqlite-wal"), at, end);
    const { waiting, faults } = await inspectStore(data, { promised: [], known, relayed: new Set() });
    const what = `${name} at ${at} of ${copiedEnd} to ${end}, seed ${seed}`;
    assert.deepEqual(faults, [], what);
    const damagedFrom = at - (at % 512);
    for (const { token } of messages) {
      const committed = committedAt.get(token);
      if (committed === undefined || committed <= damagedFrom)
        assert.ok(waiting.has(token), `${token}, committed before the damage: ${what}`);
    }
    // Accepted one after the other: what is there is the beginning of what was accepted, with no hole.
    assert.deepEqual(
      [...waiting].sort(),
      messages.slice(0, waiting.size).map(({ token }) => token),
      what,
    );
    kept += waiting.size;
    lost += messages.length - waiting.size;
  }
  t.diagnostic(`seed ${seed}: ${harms.length} damages, ${kept} messages kept, ${lost} behind the damage`);
  assert.ok(lost > 0, "a damage that costs nothing proves nothing");
});

function overwrite(file: string, at: number, change: (old: Buffer) => void, length = 512): void {
  const handle = openSync(file, "r+");
  try {
    const old = Buffer.alloc(length);
    readSync(handle, old, 0, length, at);
    change(old);
    writeSync(handle, old, 0, length, at);
  } finally {
    closeSync(handle);
  }
}
