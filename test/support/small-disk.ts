import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { programPath } from "./programs.ts";

/** A file system of its own, small enough to be filled, in memory. Only root may mount one. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Somebody else uses space: all of it, or `bytes`. Resolves with what was used. */
  fill(bytes?: number): number;
  /** Gives it back. */
  clear(): void;
  readOnly(): void;
}

/** For `skip:`; where CI=true it throws instead, because there the proof must not be missing. */
export function skipUnlessMountable(): string | false {
  const reason =
    process.platform !== "linux"
      ? "needs Linux"
      : process.getuid?.() !== 0
        ? "only root may mount"
        : programPath("mount") === null
          ? "no mount"
          : null;
  if (reason === null) return false;
  if (process.env["CI"] === "true") throw new Error(reason);
  return reason;
}

export function mountSmallDisk(folder: string, megabytes: number): SmallDisk {
  const path = join(folder, "disk");
  mkdirSync(path);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "postern-test", path]);
  const filler = join(path, "filler");
  return {
    path,
    fill(bytes = Infinity) {
      const handle = openSync(filler, "a");
      const piece = Buffer.alloc(1024 * 1024);
      let used = 0;
      try {
        while (used < bytes) used += writeSync(handle, piece, 0, Math.min(piece.length, bytes - used));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(handle);
      }
      return used;
    },
    clear: () => rmSync(filler, { force: true }),
    readOnly: () => void execFileSync("mount", ["-o", "remount,ro", path]),
    [Symbol.dispose]: () => void execFileSync("umount", ["-l", path]),
  };
}
