/**
 * Where both peers relay to. `smtp-sink` comes with Postfix and counts what it has taken; it reads some 230 MB/s, so that for large
 * messages it would be what is measured: then a sink of our own takes its place (discard.ts), which writes its count in the same form.
 */
import { openSync, closeSync, fstatSync, readSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CannotMeasure } from "../cannot-measure.ts";
import { ProcessGroup } from "../machine/process-group.ts";
import { freePort, portOpens } from "./ports.ts";

export interface Sink extends AsyncDisposable {
  readonly port: number;
  /** Messages taken since it was started. */
  count(): number;
  cpuSeconds(): number;
  /** Resolves when it has counted so many, or when none came for `patienceMs`. */
  reached(count: number, patienceMs: number, signal: AbortSignal): Promise<Reached>;
}

export interface Reached {
  readonly count: number;
  /** When that was first seen, as performance.now() has it. */
  readonly at: number;
}

export async function openSink(folder: string, bytes: number, signal: AbortSignal): Promise<Sink> {
  const port = await freePort();
  const group = new ProcessGroup("sink");
  // A counter that is written for each message should not touch the disk under test.
  const file = join(existsSync("/dev/shm") ? "/dev/shm" : folder, `postern-bench-${process.pid}.count`);
  const counter = openSync(file, "w+");
  const [command, args] =
    bytes < 100 * 1024
      ? (["smtp-sink", ["-u", "postfix", "-c", "-m", "4000", `127.0.0.1:${port}`, "2000"]] as const)
      : ([process.execPath, [join(import.meta.dirname, "discard.ts"), String(port)]] as const);
  const child = group.spawn(command, args, { stdio: ["ignore", counter, "ignore"] });
  const gone = new Promise<never>((_, reject) => child.once("exit", () => reject(new CannotMeasure(`${command} has ended`))));
  gone.catch(() => undefined);
  const count = (): number => {
    const tail = Buffer.alloc(64);
    const { size } = fstatSync(counter);
    const length = readSync(counter, tail, 0, tail.length, Math.max(0, size - tail.length));
    const marks = tail.toString("latin1", 0, length).match(/mesg=\d+(?=\D)/g);
    return Number(marks?.at(-1)?.slice("mesg=".length) ?? 0);
  };
  await Promise.race([portOpens(port, 10_000, signal), gone]);
  return {
    port,
    count,
    cpuSeconds: () => group.cpuSeconds(),
    reached: async (wanted, patienceMs, signal) => {
      let reached: Reached = { count: count(), at: performance.now() };
      while (reached.count < wanted && performance.now() - reached.at < patienceMs) {
        await delay(3, undefined, { signal });
        const now = count();
        if (now !== reached.count) reached = { count: now, at: performance.now() };
      }
      return reached;
    },
    [Symbol.asyncDispose]: async () => {
      await group[Symbol.asyncDispose]();
      closeSync(counter);
      rmSync(file, { force: true });
    },
  };
}
