import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder } from "./sync-folder.ts";

/**
 * Replaces a small file whole: written beside, synced, renamed, the folder synced. When it resolves the new contents are durable; a kill or a
 * power cut at any moment leaves the former or the new ones. What a kill leaves half-written goes with
 * `removeHalfWritten`.
 *
 * The file beside has a name of its own each time, so that two at once do not write into each other. Mode 0600.
 */
export async function replaceFile(path: string, contents: string | Uint8Array): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString("hex")}.new`;
  try {
    const handle = await open(beside, "wx", 0o600);
    try {
      await handle.writeFile(contents);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Removes what kills have left of replacing `path`. At start only: nobody may be replacing it. */
export function removeHalfWritten(path: string): void {
  const whole = basename(path);
  let names: readonly string[];
  try {
    names = readdirSync(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  for (const name of names)
    if (name.startsWith(whole) && /^\.[0-9a-f]{12}\.new$/.test(name.slice(whole.length)))
      rmSync(join(dirname(path), name), { force: true });
}
