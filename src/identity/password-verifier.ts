import { Worker } from "node:worker_threads";
import type { PasswordAnswer, PasswordJob } from "./password-worker.ts";

/**
 * Checks passwords in a worker thread of its own, never in libuv's pool: six concurrent scrypt calls there cut write+fdatasync from 3,907/s
 * to 4/s. The line before the worker is bounded; a full one is an answer ("busy"), not a wait.
 *
 * A worker that dies fails what waits for it and is replaced at the next job.
 */
export class PasswordVerifier implements AsyncDisposable {
  readonly #maxWaiting: number;
  readonly #waiting = new Map<number, (answer: PasswordAnswer | null) => void>();
  #worker: Worker | null = null;
  #lastId = 0;
  #closed = false;

  constructor(options: { readonly maxWaiting?: number } = {}) {
    this.#maxWaiting = options.maxWaiting ?? 64;
  }

  /** "busy": the line is full, or the worker died; the client may try again. */
  async verify(hash: string, password: string): Promise<boolean | "busy"> {
    if (this.#waiting.size >= this.#maxWaiting) return "busy";
    const answer = await this.#ask({ id: ++this.#lastId, kind: "verify", hash, password });
    return answer === null ? "busy" : answer.ok;
  }

  /** For secrets that the configuration names in plain; not bounded, because the configuration is. */
  async hash(password: string): Promise<string> {
    const answer = await this.#ask({ id: ++this.#lastId, kind: "hash", password });
    if (answer?.hash === undefined) throw new Error("the password worker ended");
    return answer.hash;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#fail();
    await worker?.terminate();
  }

  #ask(job: PasswordJob): Promise<PasswordAnswer | null> {
    if (this.#closed) return Promise.resolve(null);
    const worker = (this.#worker ??= this.#start());
    const { promise, resolve } = Promise.withResolvers<PasswordAnswer | null>();
    this.#waiting.set(job.id, resolve);
    worker.ref();
    worker.postMessage(job);
    return promise;
  }

  #start(): Worker {
    // The package ships .js, a clone runs .ts.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./password-worker.${extension}`, import.meta.url), {
      name: "passwords",
      env: {},
      stdin: false,
    });
    worker.on("message", (answer: PasswordAnswer) => {
      const resolve = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      // A worker nobody waits for must not keep the process alive.
      if (this.#waiting.size === 0) worker.unref();
      resolve?.(answer);
    });
    const lost = (): void => {
      if (this.#worker === worker) this.#fail();
    };
    worker.on("error", lost);
    worker.on("exit", lost);
    return worker;
  }

  #fail(): void {
    this.#worker = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const resolve of waiting) resolve(null);
  }
}
