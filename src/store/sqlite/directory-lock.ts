import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { StoreUnusable } from "./migrations/migrate.ts";

/**
 * Holds a data directory for this process, until disposed or until the process ends, however it ends.
 *
 * An exclusive transaction on a small database of its own: Node has no flock, and a file with a process id races and outlives its process.
 * Kept on the main thread, so that no crash of a worker lets go of it.
 */
export function lockDirectory(directory: string, file = "lock.sqlite"): Disposable {
  const database = new DatabaseSync(join(directory, file), { timeout: 0 });
  try {
    // Without a journal file: on a full disk there is no room for one, and nothing is ever written here.
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode !== undefined && ((error as { errcode: number }).errcode & 0xff) === 5) {
      throw new StoreUnusable(`${directory} is in use by another Postern process`);
    }
    throw error;
  }
  return { [Symbol.dispose]: () => database.close() };
}
