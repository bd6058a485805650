import { copyFileSync, constants, fsyncSync, mkdirSync, openSync, closeSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Copies durable files that lie beside a store, by name: files that are replaced whole, or a folder of such. What is not there is left out, also
 * when it goes in this moment (the last pause ends), and so is what is only just being written (`*.new`). Synchronous: the maintenance thread and the command line have nothing else to do.
 *
 * @returns those that were there
 */
export function copyBeside(names: readonly string[], from: string, to: string): readonly string[] {
  return names.filter((name) => {
    const source = join(from, name);
    const found = statSync(source, { throwIfNoEntry: false });
    if (found === undefined) return false;
    if (!found.isDirectory()) return copyIfThere(source, join(to, name));
    mkdirSync(join(to, name), { mode: 0o700 });
    for (const entry of readdirSync(source, { withFileTypes: true }))
      if (entry.isFile() && !entry.name.endsWith(".new")) copyIfThere(join(source, entry.name), join(to, name, entry.name));
    syncPath(join(to, name));
    return true;
  });
}

function copyIfThere(from: string, to: string): boolean {
  try {
    copyDurably(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && statSync(from, { throwIfNoEntry: false }) === undefined) return false;
    throw error;
  }
}

function copyDurably(from: string, to: string): void {
  copyFileSync(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  syncPath(to);
}

function syncPath(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
