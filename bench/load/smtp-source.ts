import { spawn } from "node:child_process";
import { endedChildrenSeconds } from "../machine/cpu-account.ts";
import { CannotMeasure } from "../cannot-measure.ts";

export interface Load {
  readonly port: number;
  readonly messages: number;
  /** Of the body; smtp-source adds a header of some 200. */
  readonly bytes: number;
  readonly sessions: number;
  /** Sessions are kept for all messages; false: a new connection for each. */
  readonly kept: boolean;
}

export interface Sent {
  readonly seconds: number;
  /** Of the generator. */
  readonly cpuSeconds: number;
}

/**
 * Runs Postfix's load generator to its end. It stops at the first answer that is not positive, so that ending well means: every message
 * got its 250.
 */
export async function smtpSource({ port, messages, bytes, sessions, kept }: Load, signal: AbortSignal): Promise<Sent> {
  const args = ["-s", sessions, "-m", messages, "-l", bytes, "-f", "bench@example.org", "-t", "user@example.net", "-M", "client.example"];
  const cpuBefore = endedChildrenSeconds();
  const begun = performance.now();
  const child = spawn("smtp-source", [...args.map(String), ...(kept ? ["-d"] : []), `127.0.0.1:${port}`], {
    stdio: ["ignore", "ignore", "pipe"],
    signal,
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject).once("close", resolve);
  const code = await promise;
  const seconds = (performance.now() - begun) / 1000;
  if (code !== 0) throw new CannotMeasure(`smtp-source ended with ${code ?? "a signal"}: ${complaint.trim().slice(0, 300)}`);
  return { seconds, cpuSeconds: endedChildrenSeconds() - cpuBefore };
}
