import { readFileSync, renameSync, writeFileSync } from "node:fs";

/**
 * The clock's offset, kept over a restart: the mail in the folders and the gateway's queue are dated by it, and time must not go back.
 * Written in place of the old file, so a crash leaves one or the other. null: none is kept yet.
 */
export function readOffset(path: string): number | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    const offset = (value as { offsetMs?: unknown } | null)?.offsetMs;
    if (typeof offset === "number" && Number.isFinite(offset)) return offset;
    throw new Error(`${path} does not hold a clock's offset: remove it to start at wall time`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** A hundred bytes now and then, and at the end of a move: written at once. */
export function keepOffset(path: string, offsetMs: number): void {
  writeFileSync(`${path}.tmp`, JSON.stringify({ offsetMs }));
  renameSync(`${path}.tmp`, path);
}
