import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { History } from "../history/history.ts";
import { scratch } from "../support.ts";
import { Archivist } from "./archivist.ts";

const dayMs = 86_400_000;
const noon = Date.UTC(2026, 10, 21, 12);

function queueWith(rows: readonly (readonly [seq: number, at: number])[]): DatabaseSync {
  const queue = new DatabaseSync(":memory:");
  queue.exec("CREATE TABLE finished (seq INTEGER PRIMARY KEY, id INTEGER, at INTEGER, story TEXT)");
  const insert = queue.prepare("INSERT INTO finished VALUES (?, ?, ?, ?)");
  for (const [seq, at] of rows) {
    const story = {
      id: 1e12 + seq,
      messageIdField: `<${seq}@x>`,
      receivedAt: at,
      reversePath: null,
      recipients: [{ n: 0, address: "a@b.example", state: "relayed" }],
      attempts: [],
      events: [],
    };
    insert.run(seq, 1e12 + seq, at, JSON.stringify(story));
  }
  return queue;
}

test("a chunk is full or its day is over, and never spans two days", async () => {
  await using place = await scratch();
  using queue = queueWith([...[1, 2, 3].map((seq) => [seq, noon - dayMs] as const), ...[4, 5, 6, 7].map((seq) => [seq, noon] as const)]);
  const archivist = new Archivist(queue, place.directory, 3);
  const forget = queue.prepare("DELETE FROM finished WHERE seq BETWEEN ? AND ?");
  const moved: unknown[] = [];
  for (let range = archivist.move(noon); range !== null; range = archivist.move(noon)) {
    moved.push(range);
    // As after a crash between the history's commit and the queue's.
    archivist.move(noon);
    forget.run(...range);
  }
  assert.deepEqual(moved, [
    [1, 3],
    [4, 6],
  ]);
  assert.ok(existsSync(join(place.directory, "2026-11-20.sqlite")) && existsSync(join(place.directory, "2026-11-21.sqlite")));
  const history = new History(place.directory);
  assert.deepEqual([...history.find({ limit: 10 }, () => false)].map(({ id }) => id - 1e12).sort(), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...history.find({ limit: 10, until: noon - 1 }, () => false)].length, 3);
  assert.deepEqual(archivist.move(noon + dayMs), [7, 7]);
  archivist.close();
});

test("old days go, then the oldest that are too much; the present one stays", async () => {
  await using place = await scratch();
  for (const day of ["2026-10-01", "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"])
    writeFileSync(join(place.directory, `${day}.sqlite`), Buffer.alloc(1000));
  using queue = queueWith([]);
  const archivist = new Archivist(queue, place.directory, 3);
  assert.deepEqual(archivist.retain(noon, 30 * dayMs, 1e9), ["2026-10-01"]);
  assert.deepEqual(archivist.retain(noon, 30 * dayMs, 2500), ["2026-11-18", "2026-11-19"]);
  assert.deepEqual(archivist.retain(noon, 30 * dayMs, 0), ["2026-11-20"]);
});
