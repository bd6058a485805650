import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readJsonFile } from "../lib/read-json-file.ts";
import { removeHalfWritten, replaceFile } from "../lib/replace-file.ts";
import { syncFolder } from "../lib/sync-folder.ts";
import { pausesFile } from "./state-files.ts";

/** Who paused a route, and when (policy-clock ms). */
export interface Pause {
  readonly by: string;
  readonly at: number;
}

/**
 * Routes that operators paused: in a file of the data directory, so that a restart sends nothing by them.
 *
 * A disk without space keeps nobody from pausing or resuming: what cannot be written holds for this process, and `onTrouble` is told.
 */
export async function openPauses(dataDirectory: string, onTrouble: (error: unknown) => void): Promise<Pauses> {
  const path = join(dataDirectory, pausesFile);
  removeHalfWritten(path);
  return new Pauses(path, await readPauses(path), onTrouble);
}

export class Pauses {
  readonly #path: string;
  readonly #onTrouble: (error: unknown) => void;
  #pauses: ReadonlyMap<string, Pause>;
  /** Changes come one after another: each writes the whole file. */
  #last: Promise<void> = Promise.resolve();

  constructor(path: string, pauses: ReadonlyMap<string, Pause>, onTrouble: (error: unknown) => void) {
    this.#path = path;
    this.#pauses = pauses;
    this.#onTrouble = onTrouble;
  }

  get(route: string): Pause | undefined {
    return this.#pauses.get(route);
  }

  /** Resolves when it is durable, or cannot be. */
  set(route: string, pause: Pause): Promise<void> {
    return this.#change((pauses) => void pauses.set(route, pause));
  }

  /** Resolves when it is durable, or cannot be. */
  remove(route: string): Promise<void> {
    return this.#change((pauses) => void pauses.delete(route));
  }

  #change(change: (pauses: Map<string, Pause>) => void): Promise<void> {
    const pauses = new Map(this.#pauses);
    change(pauses);
    this.#pauses = pauses;
    this.#last = this.#last.then(() => this.#write(pauses)).catch(this.#onTrouble);
    return this.#last;
  }

  async #write(pauses: ReadonlyMap<string, Pause>): Promise<void> {
    if (pauses.size > 0) return replaceFile(this.#path, `${JSON.stringify(Object.fromEntries(pauses), null, 2)}\n`);
    // Needs no space.
    await rm(this.#path, { force: true });
    await syncFolder(dirname(this.#path));
  }
}

/** @throws Error when the file is there and cannot be understood: a pause that is silently lost would send mail that somebody stopped. */
async function readPauses(path: string): Promise<ReadonlyMap<string, Pause>> {
  const pauses = await readJsonFile(path);
  if (pauses === undefined) return new Map();
  if (typeof pauses !== "object" || pauses === null || Array.isArray(pauses) || !Object.values(pauses).every(isPause))
    throw new Error(`${path} does not hold paused routes; remove it to start with none`);
  return new Map(Object.entries(pauses));
}

function isPause(value: unknown): value is Pause {
  const { by, at } = (value ?? {}) as Partial<Record<keyof Pause, unknown>>;
  return typeof by === "string" && typeof at === "number";
}
