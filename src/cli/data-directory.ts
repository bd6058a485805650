import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { CommandError } from "./exit-codes.ts";

/** Makes a data directory that only its owner can enter; throws CommandError when that, or writing there, cannot be. */
export function prepareDirectory(path: string): void {
  try {
    makeDirectory(path);
    if (!statSync(path).isDirectory()) throw new CommandError("cannotCreate", `${path} is not a directory`);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new CommandError(
      code === "EACCES" || code === "EPERM" ? "noPermission" : "cannotCreate",
      `cannot make or use the data directory ${path}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** With its parents. Not by Node's `recursive`, which never returns where a file system refuses new entries with ENOENT (/proc). */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (!existsSync(parent)) makeDirectory(parent);
  mkdirSync(path, { mode: 0o700 });
}
