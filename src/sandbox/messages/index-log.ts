import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { SandboxMessage } from "./message.ts";

/**
 * The index file of the message folder: one JSON line a message, in order of arrival. Never synced: a sandbox may forget in a power cut.
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
  const messages: SandboxMessage[] = [];
  const lines: string[] = [];
  try {
    for await (const line of createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity })) {
      const message = readLine(line);
      if (message === null) continue;
      messages.push(message);
      lines.push(`${line}\n`);
      if (messages.length >= keep * 2) {
        messages.splice(0, messages.length - keep);
        lines.splice(0, lines.length - keep);
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return { messages: messages.slice(-keep), lines: lines.slice(-keep) };
}

/** null for a line that a crash cut off. Whole lines are ours and hold what we wrote. */
function readLine(line: string): SandboxMessage | null {
  try {
    return JSON.parse(line) as SandboxMessage;
  } catch {
    return null;
  }
}
