import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { dayOf, daysIn, fileOf, mendDays, openDayForWriting, writeChunk, type FinishedRow } from "../history/day-file.ts";

/** Stories of one chunk, as text; a message with many recipients and attempts has a long one. */
const chunkTextLimit = 4 * 1024 * 1024;
const dayMs = 86_400_000;

/** Moves finished messages from the queue's database to the file of the day they finished on, and removes old days. */
export class Archivist {
  readonly #folder: string;
  readonly #chunk: number;
  readonly #first: StatementSync;
  #open: { readonly day: string; readonly database: DatabaseSync } | null = null;

  constructor(queue: DatabaseSync, folder: string, chunk: number) {
    this.#folder = folder;
    mendDays(folder);
    this.#chunk = chunk;
    this.#first = queue.prepare(`SELECT seq, at, story FROM finished ORDER BY seq LIMIT ${chunk}`);
    this.#first.setReturnArrays(true);
  }

  /** Writes and syncs one chunk; null when there are too few for one and their day is not over. */
  move(now: number): readonly [firstSeq: number, lastSeq: number] | null {
    const rows: FinishedRow[] = [];
    let day: number | null = null;
    let text = 0;
    let full = false;
    for (const [seq, at, story] of this.#first.all() as unknown as [number, number, string][]) {
      const rowDay = Math.floor(at / dayMs);
      day ??= rowDay;
      full ||= rowDay !== day || text > chunkTextLimit;
      if (full) break;
      text += story.length;
      rows.push({ seq, story });
    }
    const [first, last] = [rows[0], rows.at(-1)];
    if (first === undefined || last === undefined || day === null) return null;
    if (!full && rows.length < this.#chunk && day === Math.floor(now / dayMs)) return null;
    writeChunk(this.#fileFor(dayOf(day * dayMs)), rows);
    return [first.seq, last.seq];
  }

  /** Removes days that are too old, then the oldest until the rest is small enough. The present day stays. */
  retain(now: number, keepMs: number, maxBytes: number): readonly string[] {
    const removed: string[] = [];
    const kept: { day: string; bytes: number }[] = [];
    const oldest = dayOf(Math.max(0, now - keepMs));
    for (const day of daysIn(this.#folder)) {
      if (day < oldest) removed.push(day);
      else kept.push({ day, bytes: statSync(join(this.#folder, fileOf(day))).size });
    }
    let total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { day, bytes } of kept) {
      if (total <= maxBytes || day >= dayOf(now)) break;
      removed.push(day);
      total -= bytes;
    }
    for (const day of removed) {
      if (this.#open?.day === day) this.close();
      rmSync(join(this.#folder, fileOf(day)), { force: true });
      rmSync(join(this.#folder, `${fileOf(day)}-journal`), { force: true });
    }
    return removed;
  }

  close(): void {
    this.#open?.database.close();
    this.#open = null;
  }

  #fileFor(day: string): DatabaseSync {
    if (this.#open?.day !== day) {
      this.close();
      this.#open = { day, database: openDayForWriting(join(this.#folder, fileOf(day))) };
    }
    return this.#open.database;
  }
}
