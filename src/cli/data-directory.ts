import { mkdirSync, statSync } from "node:fs";
import { CommandError } from "./exit-codes.ts";

/** Makes a data directory that only its owner can enter; throws CommandError when that cannot be. */
export function prepareDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!statSync(path).isDirectory()) throw new CommandError("cannotCreate", `${path} is not a directory`);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new CommandError(
      code === "EACCES" || code === "EPERM" ? "noPermission" : "cannotCreate",
      `cannot make the data directory ${path}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
