import { copyFileSync, constants, existsSync, fsyncSync, mkdirSync, openSync, closeSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Copies durable files that lie beside a store, by name: files that are replaced whole, or a folder of such. What is not there is left out, and so
 * is what is only just being written (`*.new`). Synchronous: the maintenance thread and the command line have nothing else to do.
 *
 * @returns those that were there
 */
export function copyBeside(names: readonly string[], from: string, to: string): readonly string[] {
  const present = names.filter((name) => existsSync(join(from, name)));
  for (const name of present) {
    const source = join(from, name);
    if (!statSync(source).isDirectory()) {
      copyDurably(source, join(to, name));
      continue;
    }
    mkdirSync(join(to, name), { mode: 0o700 });
    for (const entry of readdirSync(source, { withFileTypes: true }))
      if (entry.isFile() && !entry.name.endsWith(".new")) copyDurably(join(source, entry.name), join(to, name, entry.name));
    syncPath(join(to, name));
  }
  return present;
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
