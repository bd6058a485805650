import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { removeHalfWritten, replaceFile } from "../lib/replace-file.ts";
import type { UsageSample } from "../limits/usage.ts";
import { pointMs, UsageHistory, type UsageHistoryDump, type UsageHistoryQuery, type UsageSeries } from "../limits/usage-history.ts";
import { usageHistoryFile } from "./state-files.ts";

export interface UsageHistoryParts {
  readonly clock: Clock;
  readonly samples: () => readonly UsageSample[];
  readonly onTrouble: (error: unknown) => void;
}

/**
 * The history of what was used, kept in a file of the data directory: written with each point, so that a crash costs the quarter of an hour in
 * hand. A file that cannot be read costs no start. Dispose before the ledger that gives the samples.
 */
export async function openUsageHistory(dataDirectory: string, parts: UsageHistoryParts): Promise<UsageHistoryBook> {
  const path = join(dataDirectory, usageHistoryFile);
  removeHalfWritten(path);
  let dump: UsageHistoryDump | null = null;
  try {
    dump = readDump(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") parts.onTrouble(error);
  }
  return new UsageHistoryBook(path, new UsageHistory(dump), parts);
}

export class UsageHistoryBook implements AsyncDisposable {
  readonly #path: string;
  readonly #history: UsageHistory;
  readonly #parts: UsageHistoryParts;
  #timer: Disposable;
  #writing: Promise<void> = Promise.resolve();

  constructor(path: string, history: UsageHistory, parts: UsageHistoryParts) {
    this.#path = path;
    this.#history = history;
    this.#parts = parts;
    this.#timer = this.#atNextPoint();
  }

  /** With what was used up to now. */
  series(query: UsageHistoryQuery): readonly UsageSeries[] {
    this.#record(this.#parts.clock.now());
    return this.#history.series(query);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer[Symbol.dispose]();
    this.#record(this.#parts.clock.now());
    await this.#write();
  }

  #atNextPoint(): Disposable {
    const { clock } = this.#parts;
    const end = (Math.floor(clock.now() / pointMs) + 1) * pointMs;
    return clock.at(end, () => {
      this.#timer = this.#atNextPoint();
      // Of the time that has ended.
      this.#record(end - 1);
      void this.#write();
    });
  }

  #record(at: number): void {
    this.#history.record(at, this.#parts.samples());
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      if (!this.#history.isChanged) return;
      try {
        await replaceFile(this.#path, JSON.stringify(this.#history.dump()));
      } catch (error) {
        this.#parts.onTrouble(error);
      }
    });
    return this.#writing;
  }
}

/** @throws Error for what is none of our making */
function readDump(text: string): UsageHistoryDump {
  const { series } = (JSON.parse(text) as Partial<UsageHistoryDump> | null) ?? {};
  const amount = (each: unknown): boolean => typeof each === "number" && each >= 0;
  const sound =
    Array.isArray(series) &&
    (series as readonly UsageHistoryDump["series"][number][]).every(
      ({ rule, counted, points }) =>
        typeof rule === "string" &&
        typeof counted === "string" &&
        Array.isArray(points) &&
        (points as readonly unknown[]).every(
          (point) => Array.isArray(point) && point.length === 3 && (point as readonly unknown[]).every(amount),
        ),
    );
  if (!sound) throw new Error(`${usageHistoryFile} does not hold a history of limits; it begins anew`);
  return { series: series as UsageHistoryDump["series"] };
}
