import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { stateNames } from "./state-codes.ts";

/** For tests: counts everything in a queue database and compares it with what the store keeps as totals. */
export function auditStore(directory: string): void {
  using database = new DatabaseSync(join(directory, "queue.sqlite"), { readOnly: true });
  database.exec("BEGIN");
  const number = (sql: string): number => Number(Object.values(database.prepare(sql).get() ?? {})[0]);
  const totals = database.prepare("SELECT * FROM totals").get() as Record<string, number>;
  assert.equal(totals["messages"], number("SELECT count(*) FROM message"), "messages");
  const columns = { queued: "queued", leased: "leased", inDoubt: "in_doubt", held: "held" } as const;
  let sum = 0;
  for (const [code, name] of stateNames.entries()) {
    const column = columns[name as keyof typeof columns] ?? name;
    sum += totals[column] as number;
    if (code < 4) assert.equal(totals[column], number(`SELECT count(*) FROM recipient WHERE state = ${code}`), name);
  }
  assert.equal(totals["accepted"], sum, "accepted is the sum of all states");
  assert.equal(
    number("SELECT count(*) FROM message WHERE NOT EXISTS (SELECT 1 FROM recipient WHERE message = id AND state < 4)"),
    0,
    "finished message that waits",
  );
  assert.equal(number("SELECT count(*) FROM recipient WHERE message NOT IN (SELECT id FROM message)"), 0, "recipient without message");
  assert.equal(number("SELECT count(*) FROM event WHERE message NOT IN (SELECT id FROM message)"), 0, "event without message");
  assert.equal(
    number("SELECT count(*) FROM extent WHERE message NOT IN (SELECT id FROM message WHERE extents IS NOT NULL)"),
    0,
    "extent without message",
  );
  assert.equal(
    number("SELECT count(*) FROM extent"),
    number("SELECT coalesce(sum(json_array_length(extents)), 0) FROM message WHERE extents IS NOT NULL"),
    "extents",
  );
  assert.equal(database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"], "ok");
}
