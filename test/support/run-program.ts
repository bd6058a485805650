import { spawn } from "node:child_process";
import type { Finished } from "./cli.ts";

/** Runs a program of the machine to its end, with `input` on its standard input. Output is text; `code` is null when a signal ended it. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { input = "", env = {}, timeoutMs = 60_000 }: { input?: string | Buffer; env?: NodeJS.ProcessEnv; timeoutMs?: number } = {},
): Promise<Finished> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, timeout: timeoutMs });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => undefined).end(input);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject).once("close", resolve);
  return { code: await promise, stdout, stderr };
}
