import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

export interface Demo extends AsyncDisposable {
  readonly portOffset: number;
  /** All that it has printed so far. */
  readonly output: () => string;
}

/** `postern demo` in a process of its own, resolved when it says that it is ready. Disposal ends it and waits for it. */
export async function startDemo(data: string, { timeoutMs = 60_000 } = {}): Promise<Demo> {
  // Other demos may run on this machine: an offset whose ports are taken is refused at once, and the next is tried.
  for (let attempt = 0; ; attempt++) {
    const portOffset = 6000 + ((process.pid + attempt * 37) % 100) * 100;
    const child = spawn(process.execPath, ["src/cli/postern.ts", "demo", "--data", data, "--port-offset", String(portOffset)], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const ready = Promise.withResolvers<boolean>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (/^ready$/m.test(output)) ready.resolve(true);
      });
    }
    const ended = once(child, "exit").then(() => ready.resolve(false));
    const timer = setTimeout(() => ready.reject(new Error(`the demo is not ready after ${timeoutMs} ms:\n${output}`)), timeoutMs);
    const stop = async (): Promise<void> => {
      child.kill("SIGTERM");
      await ended;
    };
    try {
      if (await ready.promise) return { portOffset, output: () => output, [Symbol.asyncDispose]: stop };
    } catch (error) {
      await stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    if (!output.includes("choose another") || attempt === 9) throw new Error(`the demo ended:\n${output}`);
  }
}
