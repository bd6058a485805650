import { spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `postern …` in a process of its own, with `input` on its standard input. */
export async function postern(
  args: readonly string[],
  { input = "", cwd = root, env = {} }: { input?: string; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", join(root, "src/cli/postern.ts"), ...args], {
    cwd,
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // A command that does not read its input may be gone before all of it is written.
  child.stdin.on("error", () => undefined).end(input);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject).once("close", resolve);
  return { code: await promise, stdout, stderr };
}
