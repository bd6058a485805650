import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { SandboxMessage } from "./message.ts";

/**
 * The index file of the message folder: one JSON line a message, in order of arrival, and another when more was found out about it. Never
 * synced: a sandbox may forget in a power cut.
 *
 * Written synchronously: a few hundred bytes into the page cache cost less (5 µs) than a trip to libuv's threads and back. A line cut off by a
 * crash is dropped at the next start. Known defect: lines of messages that were trimmed stay until the next start or clearing.
 */
export class IndexLog implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Reads what is there (at most the last `keep`), and leaves a file of exactly that. */
  static async open(path: string, keep: number): Promise<{ log: IndexLog; messages: SandboxMessage[] }> {
    const { messages, lines } = await readLines(path, keep);
    await writeFile(`${path}.tmp`, lines, { mode: 0o600 });
    await rename(`${path}.tmp`, path);
    return { log: new IndexLog(openSync(path, "a", 0o600)), messages };
  }

  append(message: SandboxMessage): void {
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    for (let written = 0; written < line.length;) written += writeSync(this.#fd, line, written);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

async function readLines(path: string, keep: number): Promise<{ messages: SandboxMessage[]; lines: string[] }> {
  // By id, in the order of their first lines: a later line of an id says what was found out since.
  const found = new Map<string, { message: SandboxMessage; line: string }>();
  try {
    for await (const line of createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity })) {
      const message = readLine(line);
      if (message === null) continue;
      found.set(message.id, { message, line: `${line}\n` });
      if (found.size < keep * 2) continue;
      for (const id of [...found.keys()].slice(0, found.size - keep)) found.delete(id);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const kept = [...found.values()].slice(-keep);
  return { messages: kept.map(({ message }) => message), lines: kept.map(({ line }) => line) };
}

/** null for a line that a crash cut off. Whole lines are ours and hold what we wrote. */
function readLine(line: string): SandboxMessage | null {
  try {
    return JSON.parse(line) as SandboxMessage;
  } catch {
    return null;
  }
}
