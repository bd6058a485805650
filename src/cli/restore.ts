import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { stateFiles } from "../compose/state-files.ts";
import { lockDirectory } from "../store/sqlite/directory-lock.ts";
import { restore } from "../store/sqlite/restore.ts";
import { CommandError } from "./exit-codes.ts";

export interface RestoreReport {
  /** That wait in what was restored. */
  readonly messages: number;
  /** Where the old state went; null when there was none. */
  readonly replaced: string | null;
}

const database = "queue.sqlite";
/** What makes up the store. Of what lies beside it, that is replaced which the backup has; everything else (keys, configuration, logs) stays. */
const storeParts = [database, `${database}-wal`, `${database}-shm`, "segments", "history"] as const;

/** Restores into a stopped gateway's directory; with `replace` what is there is put aside first, and put back when the backup is no good. */
export async function restoreBackup(backup: string, dataDirectory: string, replace: boolean): Promise<RestoreReport> {
  if (!existsSync(join(backup, database))) throw new CommandError("noInput", `${backup} is not a backup: it has no ${database}`);
  refuseRunning(dataDirectory);
  const parts = [...storeParts, ...stateFiles.filter((name) => existsSync(join(backup, name)))];
  const present = parts.filter((part) => existsSync(join(dataDirectory, part)));
  if (present.includes(database) && !replace) {
    throw new CommandError("cannotCreate", `${dataDirectory} holds messages already: say --replace to put them aside`);
  }
  const aside = present.length === 0 ? null : join(dataDirectory, `replaced-${new Date().toISOString().replaceAll(":", "")}`);
  if (aside !== null) {
    mkdirSync(aside, { mode: 0o700 });
    for (const part of present) renameSync(join(dataDirectory, part), join(aside, part));
  }
  try {
    const { messages } = await restore(backup, dataDirectory, stateFiles);
    return { messages, replaced: aside };
  } catch (error) {
    if (aside !== null && !existsSync(join(dataDirectory, database))) putBack(aside, dataDirectory, parts, present);
    if ((error as Error).name === "StoreUnusable") throw new CommandError("data", (error as Error).message, { cause: error });
    throw error;
  }
}

function refuseRunning(dataDirectory: string): void {
  try {
    lockDirectory(dataDirectory)[Symbol.dispose]();
  } catch (error) {
    throw new CommandError("unavailable", `the gateway must be stopped first: ${(error as Error).message}`, { cause: error });
  }
}

function putBack(aside: string, dataDirectory: string, parts: readonly string[], present: readonly string[]): void {
  const failed = `${aside}-failed`;
  mkdirSync(failed, { mode: 0o700 });
  for (const part of parts) if (existsSync(join(dataDirectory, part))) renameSync(join(dataDirectory, part), join(failed, part));
  for (const part of present) renameSync(join(aside, part), join(dataDirectory, part));
}
