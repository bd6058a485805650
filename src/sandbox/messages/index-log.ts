import { createReadStream } from "node:fs";
import { open, rename, writeFile, type FileHandle } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { SandboxMessage } from "./message.ts";

/**
 * The index file of the message folder: one JSON line a message, in order of arrival.
 *
 * Lines of all who wait are written together (one write at a time, and while it runs the next batch gathers), so the rate grows with the
 * load. A line cut off by a crash is dropped at the next start.
 */
export class IndexLog implements AsyncDisposable {
  readonly #file: FileHandle;
  #pending: { line: string; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #writing: Promise<void> | null = null;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Reads what is there (at most the last `keep`), and leaves a file of exactly that. */
  static async open(path: string, keep: number): Promise<{ log: IndexLog; messages: SandboxMessage[] }> {
    const { messages, lines } = await readLines(path, keep);
    await writeFile(`${path}.tmp`, lines);
    await rename(`${path}.tmp`, path);
    return { log: new IndexLog(await open(path, "a")), messages };
  }

  /** Resolves when the line is in the file (not synced: a sandbox may forget in a power cut). */
  append(message: SandboxMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ line: `${JSON.stringify(message)}\n`, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#file.appendFile(batch.map(({ line }) => line).join(""));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = null;
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
