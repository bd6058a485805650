import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What the sandbox of a data directory wrote when it was up: the SANDBOX_* names; null when that process is gone. */
export function readSandboxValues(data: string): Readonly<Record<string, string>> | null {
  let values: Record<string, string>;
  try {
    values = JSON.parse(readFileSync(join(data, "sandbox", "env.json"), "utf8")) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR") return null;
    throw error;
  }
  return isAlive(Number(values["SANDBOX_PID"])) ? values : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
