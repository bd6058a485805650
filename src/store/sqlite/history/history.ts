import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import type { TraceQuery } from "../../../queue/archive.ts";
import { dayOf, daysIn, fileOf, openDayForReading, readChunk } from "./day-file.ts";
import { idKey, keysOfQuery, mayHold } from "./key-filter.ts";
import type { Story } from "./story.ts";

/** A question that no filter narrows gives what it found until then. */
const searchLimitMs = 10_000;
const dayMs = 86_400_000;
const openLimit = 40;
/** lib/ids.ts: the time in an id. */
const idEpochMs = Date.UTC(2025, 0, 1);
const idsPerMs = 4096;

interface Chunk {
  readonly firstSeq: number;
  readonly earliest: number;
  readonly latest: number;
}

/** Reads the history files. */
export class History {
  readonly #folder: string;
  readonly #open = new Map<string, DatabaseSync>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Every story of a message, oldest first. */
  byId(id: number): readonly Story[] {
    // Nothing finishes before it came; a day covers clocks that were set back a little.
    const since = dayOf(Math.max(0, idEpochMs + id / idsPerMs - dayMs));
    const stories: Story[] = [];
    for (const day of daysIn(this.#folder)) {
      if (day < since) continue;
      for (const { firstSeq } of this.#chunks(day, [idKey(id)], "AND lowest_id <= ?1 AND highest_id >= ?1", id)) {
        for (const line of this.#lines(day, firstSeq)) if (line.startsWith(`{"id":${id},`)) stories.push(JSON.parse(line) as Story);
      }
    }
    return stories;
  }

  /** Stories that may fit, by the time they ended, latest first. `enough` is asked with the latest arrival in what comes next. */
  *find(query: TraceQuery, enough: (latest: number) => boolean): Iterable<Story> {
    const keys = keysOfQuery(query);
    const until = query.until ?? Number.MAX_SAFE_INTEGER;
    const since = query.since ?? 0;
    const end = performance.now() + searchLimitMs;
    for (const day of daysIn(this.#folder).toReversed()) {
      if (day < dayOf(Math.max(0, since - dayMs))) return;
      for (const { firstSeq, latest } of this.#chunks(day, keys, "AND earliest <= ?1 AND latest >= ?2", until, since)) {
        if (enough(latest)) continue;
        if (performance.now() > end) return;
        for (const line of this.#lines(day, firstSeq)) if (mayFit(line, query)) yield JSON.parse(line) as Story;
      }
    }
  }

  *#chunks(day: string, keys: readonly string[], where: string, ...args: number[]): Iterable<Chunk> {
    const database = this.#database(day);
    if (database === null) return;
    const statement = database.prepare(`SELECT first_seq, earliest, latest, filter FROM chunk WHERE 1 ${where} ORDER BY first_seq DESC`);
    for (const row of statement.all(...args)) {
      const filter = row["filter"] as Uint8Array;
      if (!keys.every((key) => mayHold(filter, key))) continue;
      yield { firstSeq: Number(row["first_seq"]), earliest: Number(row["earliest"]), latest: Number(row["latest"]) };
    }
  }

  #lines(day: string, firstSeq: number): readonly string[] {
    const database = this.#database(day);
    return database === null ? [] : readChunk(database, firstSeq);
  }

  /** null when retention has removed the file. */
  #database(day: string): DatabaseSync | null {
    const known = this.#open.get(day);
    if (known !== undefined) return known;
    for (const [other, database] of this.#open) {
      if (this.#open.size < openLimit) break;
      database.close();
      this.#open.delete(other);
    }
    try {
      const database = openDayForReading(join(this.#folder, fileOf(day)));
      if (database !== null) this.#open.set(day, database);
      return database;
    } catch (error) {
      if ((error as { errcode?: number }).errcode === 14) return null;
      throw error;
    }
  }
}

/** A cheap look before a story is parsed: a thousand of them cost 3 ms. */
function mayFit(line: string, { messageIdField, sender, recipient }: TraceQuery): boolean {
  if (messageIdField !== undefined && !line.includes(JSON.stringify(messageIdField))) return false;
  for (const pattern of [sender, recipient]) {
    if (pattern === undefined || pattern.includes("*") || pattern === "<>") continue;
    if (!line.toLowerCase().includes(pattern.toLowerCase())) return false;
  }
  return true;
}
