import { CommandError, type ExitName } from "./exit-codes.ts";
import { readSandboxValues } from "./sandbox-values.ts";

const answerTimeoutMs = 10_000;

/** A request to the control API of the sandbox that runs in a data directory; JSON both ways. @throws CommandError */
export async function askSandbox(data: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const base = readSandboxValues(data)?.["SANDBOX_UI"];
  if (base === undefined)
    throw new CommandError("unavailable", `no sandbox runs in ${data}: start it, or name the right directory with --data`);
  let answer: Response;
  try {
    answer = await fetch(new URL(path, base), {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
  } catch (error) {
    throw new CommandError("unavailable", `the sandbox at ${base} does not answer`, { cause: error });
  }
  if (answer.ok) return await answer.json();
  const told = (await answer.json().catch(() => null)) as { readonly error?: { readonly message?: string } } | null;
  throw new CommandError(exits[answer.status] ?? "usage", `the sandbox refused: ${told?.error?.message ?? `HTTP ${answer.status}`}`);
}

const exits: Readonly<Record<number, ExitName>> = { 404: "noInput", 409: "data", 500: "software" };
