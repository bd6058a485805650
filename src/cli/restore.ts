import { closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { lockDirectory } from "../store/sqlite/directory-lock.ts";
import { CommandError } from "./exit-codes.ts";

export interface RestoreReport {
  readonly files: number;
  readonly bytes: number;
  readonly messages: number;
  /** Where the old state went; null when there was none. */
  readonly replaced: string | null;
}

const database = "queue.sqlite";
/** What makes up the state; everything else in a data directory (keys, configuration, logs) stays. */
const parts = [database, `${database}-wal`, `${database}-shm`, "segments", "history"] as const;

/** Puts a checked copy in place by renames, so that a crash in between leaves the old state or the new one, never a mixture that opens. */
export async function restoreBackup(backup: string, dataDirectory: string, replace: boolean): Promise<RestoreReport> {
  if (!existsSync(join(backup, database))) throw new CommandError("noInput", `${backup} is not a backup: it has no ${database}`);
  using held = lock(dataDirectory);
  void held;
  const present = parts.filter((part) => existsSync(join(dataDirectory, part)));
  if (present.includes(database) && !replace)
    throw new CommandError("cannotCreate", `${dataDirectory} holds messages already: say --replace to put them aside`);
  const fresh = join(dataDirectory, "restoring");
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o700 });
  const tally = { files: 0, bytes: 0 };
  for (const part of parts) if (existsSync(join(backup, part))) copy(join(backup, part), join(fresh, part), tally);
  const messages = check(join(fresh, database));
  syncDirectory(fresh);
  const replaced = present.length === 0 ? null : join(dataDirectory, `replaced-${new Date().toISOString().replaceAll(":", "")}`);
  if (replaced !== null) {
    mkdirSync(replaced, { mode: 0o700 });
    for (const part of present) renameSync(join(dataDirectory, part), join(replaced, part));
  }
  // The database last: without it the rest is no state.
  for (const part of parts.toReversed()) if (existsSync(join(fresh, part))) renameSync(join(fresh, part), join(dataDirectory, part));
  rmSync(fresh, { recursive: true, force: true });
  syncDirectory(dataDirectory);
  return { ...tally, messages, replaced };
}

function lock(dataDirectory: string): Disposable {
  try {
    return lockDirectory(dataDirectory);
  } catch (error) {
    throw new CommandError("unavailable", `the gateway in ${dataDirectory} must be stopped first (${(error as Error).message})`, {
      cause: error,
    });
  }
}

/** Messages that wait in it; throws for a damaged copy. */
function check(path: string): number {
  using opened = new DatabaseSync(path);
  const [verdict] = Object.values(opened.prepare("PRAGMA quick_check(1)").get() ?? {});
  if (verdict !== "ok") throw new CommandError("data", `the backup is damaged: ${String(verdict)}`);
  const row = opened.prepare("SELECT count(*) AS messages FROM message").get();
  opened.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return Number(row?.["messages"] ?? 0);
}

function copy(from: string, to: string, tally: { files: number; bytes: number }): void {
  const stat = statSync(from);
  if (stat.isDirectory()) {
    mkdirSync(to, { mode: 0o700 });
    for (const name of readdirSync(from)) copy(join(from, name), join(to, name), tally);
    syncDirectory(to);
    return;
  }
  copyFileSync(from, to);
  sync(to);
  tally.files++;
  tally.bytes += stat.size;
}

function sync(path: string): void {
  const descriptor = openSync(path, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
