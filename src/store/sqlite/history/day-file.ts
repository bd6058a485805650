import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { buildFilter, keysOf } from "./key-filter.ts";
import type { Story } from "./story.ts";

/**
 * A day of finished messages: chunks of about a thousand stories, each one compressed text (a story takes about 60 bytes of 700) with a filter
 * of its keys. A chunk is written once, whole; its key is the first number of its stories in the queue's sequence, so that a chunk that is
 * written again after a crash takes its own place. Retention removes files.
 */
const schema = `
  CREATE TABLE IF NOT EXISTS chunk (
    first_seq INTEGER PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    stories INTEGER NOT NULL,
    lowest_id INTEGER NOT NULL,
    highest_id INTEGER NOT NULL,
    earliest INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    filter BLOB NOT NULL,
    text BLOB NOT NULL
  ) STRICT`;

/** Readers that find another number say so instead of misreading. */
const historyVersion = 1;

export interface FinishedRow {
  readonly seq: number;
  readonly story: string;
}

export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

export function fileOf(day: string): string {
  return `${day}.sqlite`;
}

/** Days that have a file, oldest first. */
export function daysIn(folder: string): readonly string[] {
  const days: string[] = [];
  for (const name of readdirSync(folder)) if (/^\d{4,6}-\d\d-\d\d\.sqlite$/.test(name)) days.push(name.slice(0, -7));
  return days.sort();
}

/** For adding to it; made when it does not exist. */
export function openDayForWriting(path: string): DatabaseSync {
  const database = open(path, "rwc");
  database.exec(`PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; ${schema}; PRAGMA user_version = ${historyVersion}`);
  return database;
}

/**
 * For reading; yet not read-only, because whoever opens it first after a crash takes back what was half written. null when nothing was ever
 * written to it.
 */
export function openDayForReading(path: string): DatabaseSync | null {
  const database = open(path, "rw");
  database.exec("PRAGMA query_only = ON");
  if (versionOf(database) > 0) return database;
  database.close();
  return null;
}

/** After a crash: takes back what was half written, so that every file can be copied as it is. */
export function mendDays(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.endsWith("-journal") || statSync(join(folder, name)).size === 0) continue;
    const day = join(folder, name.slice(0, -"-journal".length));
    if (existsSync(day)) openDayForReading(day)?.close();
  }
}

function open(path: string, mode: "rw" | "rwc"): DatabaseSync {
  const url = pathToFileURL(path);
  url.searchParams.set("mode", mode);
  const database = new DatabaseSync(url, { timeout: 10_000 });
  if (versionOf(database) > historyVersion) {
    database.close();
    throw new Error(`${path} was written by a newer Postern`);
  }
  database.exec("PRAGMA mmap_size = 0; PRAGMA cache_size = -2048");
  return database;
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
}

export function writeChunk(database: DatabaseSync, rows: readonly FinishedRow[]): void {
  const keys = new Set<string>();
  let [lowest, highest, earliest, latest] = [Infinity, 0, Infinity, 0];
  for (const { story } of rows) {
    const parsed = JSON.parse(story) as Story;
    for (const key of keysOf(parsed)) keys.add(key);
    lowest = Math.min(lowest, parsed.id);
    highest = Math.max(highest, parsed.id);
    if (parsed.late !== undefined) continue;
    earliest = Math.min(earliest, parsed.receivedAt);
    latest = Math.max(latest, parsed.receivedAt);
  }
  if (earliest === Infinity) earliest = 0;
  const text = zstdCompressSync(rows.map(({ story }) => story).join("\n"), { params: { [constants.ZSTD_c_compressionLevel]: 2 } });
  database
    .prepare("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
    .run(rows[0]?.seq ?? 0, rows.at(-1)?.seq ?? 0, rows.length, lowest, highest, earliest, latest, buildFilter(keys), text);
}

/** The stories of a chunk as lines of JSON. */
export function readChunk(database: DatabaseSync, firstSeq: number): readonly string[] {
  const row = database.prepare("SELECT text FROM chunk WHERE first_seq = ?").get(firstSeq);
  if (row === undefined) return [];
  return zstdDecompressSync(row["text"] as Uint8Array)
    .toString()
    .split("\n");
}
