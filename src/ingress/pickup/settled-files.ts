import { lstat, opendir } from "node:fs/promises";
import type { HeldFolder } from "./held-folder.ts";

/** Names looked at in one pass: a folder full of other things must not stop the rest of the gateway. */
const maxNames = 10_000;
/** Files taken from one pass. */
const maxFiles = 1000;
/** A file without a byte may be one that a program is about to write. */
const emptyForMs = 60_000;

interface Seen {
  readonly size: number;
  readonly isFile: boolean;
  readonly modifiedMs: number;
  readonly inode: number;
  /** By the monotonic clock. */
  readonly since: number;
}

/** Which files of a folder are finished: they have looked the same for a while. Times by the monotonic clock. */
export class SettledFiles {
  readonly #settleMs: number;
  #seen = new Map<string, Seen>();

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** One look at the folder; gives the names of what has settled, what was written first in front. */
  async look(folder: HeldFolder, now: number): Promise<readonly string[]> {
    const seen = new Map<string, Seen>();
    let names = 0;
    for await (const { name } of await opendir(folder.path())) {
      if (++names > maxNames || seen.size >= maxFiles) break;
      // A name that is not UTF-8 cannot be told from others by Node: not touched.
      if (!/\.eml$/i.test(name) || name.startsWith(".") || name.includes("\ufffd")) continue;
      const found = await lstat(folder.path(name)).catch(() => null);
      if (found === null) continue;
      const { size, mtimeMs: modifiedMs, ino: inode } = found;
      const before = this.#seen.get(name);
      const same = before?.size === size && before.modifiedMs === modifiedMs && before.inode === inode;
      seen.set(name, same ? before : { size, isFile: found.isFile(), modifiedMs, inode, since: now });
    }
    this.#seen = seen;
    return [...seen]
      .filter(
        ([, { size, isFile, since }]) => now - since >= (isFile && size === 0 ? Math.max(emptyForMs, this.#settleMs) : this.#settleMs),
      )
      .sort(([, a], [, b]) => a.modifiedMs - b.modifiedMs)
      .map(([name]) => name);
  }
}
