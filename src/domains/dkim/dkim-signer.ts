import { Worker } from "node:worker_threads";
import type { OutgoingBytes } from "../outgoing-bytes.ts";
import type { Signer } from "../signer.ts";
import type { Answer, Job, StartMessage } from "./protocol.ts";

/** A private key of a domain and when it signs, as the configuration has it. */
export interface DkimKey {
  /** Lower case. */
  readonly domain: string;
  readonly selector: string;
  /** PEM. */
  readonly key: string;
  readonly algorithm: "rsa" | "ed25519";
  /** Policy-clock ms; absent: always has. */
  readonly from?: number;
  readonly until?: number;
}

export class SigningFailed extends Error {
  override readonly name = "SigningFailed";
}

/**
 * DKIM signatures, made in a thread of its own: an RSA-2048 signature costs a quarter of a millisecond, in which the event loop could take a
 * message. Whole messages travel in batches, long ones piece by piece with a bound on what is on its way.
 *
 * Rotation: of the keys of one domain and algorithm the one that began last signs; what it replaces stays published until its mail is out
 * (`postern dns`). A domain without a key of its own is signed by the nearest domain above it that has one (relaxed alignment).
 */
export class DkimSigner implements Signer, AsyncDisposable {
  readonly #keys: readonly DkimKey[];
  readonly #now: () => number;
  readonly #waiting = new Map<number, { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }>();
  #batch: Job[] = [];
  #worker: Worker | null = null;
  #lastId = 0;
  #closed = false;

  /** @param now policy-clock ms */
  constructor(keys: readonly DkimKey[], now: () => number) {
    this.#keys = keys;
    this.#now = now;
  }

  async sign(domain: string, content: OutgoingBytes, signal: AbortSignal): Promise<Uint8Array> {
    const now = this.#now();
    const keys = keysFor(domain, this.#keys, now);
    if (keys.length === 0) return nothing;
    const job = { id: ++this.#lastId, keys, at: Math.floor(now / 1000) };
    const fields =
      content.inMemory !== null && content.size <= longestWhole
        ? (await this.#ask({ kind: "whole", ...job, message: Buffer.concat(content.inMemory) })).fields
        : await this.#signLong(job, content, signal);
    signal.throwIfAborted();
    if (fields === undefined || fields === "") throw new SigningFailed("the signing thread gave no signature");
    return Buffer.from(fields, "latin1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#lose(new SigningFailed("the signer is closed"));
    await worker?.terminate();
  }

  async #signLong(
    job: { readonly id: number; readonly keys: readonly number[]; readonly at: number },
    content: OutgoingBytes,
    signal: AbortSignal,
  ) {
    this.#post({ kind: "open", ...job });
    try {
      for await (const bytes of content.inMemory ?? content.stream()) {
        signal.throwIfAborted();
        // One piece on its way at a time: the reader of the disk is the slower of the two.
        await this.#ask({ kind: "piece", id: job.id, bytes });
      }
    } catch (error) {
      this.#post({ kind: "drop", id: job.id });
      throw error;
    }
    return (await this.#ask({ kind: "end", id: job.id })).fields;
  }

  #ask(job: Job): Promise<Answer> {
    if (this.#closed) return Promise.reject(new SigningFailed("the signer is closed"));
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.set(job.id, { resolve, reject });
    this.#post(job);
    return promise;
  }

  #post(job: Job): void {
    if (this.#batch.push(job) > 1) return;
    setImmediate(() => {
      const batch = this.#batch;
      this.#batch = [];
      if (this.#closed) return;
      const worker = (this.#worker ??= this.#start());
      worker.ref();
      worker.postMessage(batch);
    });
  }

  #start(): Worker {
    // The package ships .js, a clone runs .ts.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./thread.${extension}`, import.meta.url), { name: "dkim", env: {}, stdin: false });
    const start: StartMessage = { kind: "keys", keys: this.#keys.map(({ domain, selector, key }) => ({ domain, selector, pem: key })) };
    worker.postMessage(start);
    worker.on("message", (answers: readonly Answer[]) => {
      for (const answer of answers) this.#settle(answer);
      // A thread that nobody waits for must not keep the process alive.
      if (this.#waiting.size === 0) worker.unref();
    });
    const lost = (error?: unknown) => {
      if (this.#worker === worker)
        this.#lose(new SigningFailed(`the signing thread ended${error instanceof Error ? `: ${error.message}` : ""}`));
    };
    worker.on("error", lost).on("exit", () => lost());
    return worker;
  }

  #settle({ id, error, ...answer }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve({ id, ...answer });
    else waiting?.reject(new SigningFailed(error));
  }

  #lose(error: SigningFailed): void {
    this.#worker = null;
    this.#batch = [];
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

/** Longer ones are not copied in one piece. */
const longestWhole = 256 * 1024;
const nothing = new Uint8Array();

/** Which keys sign now for a domain: of each algorithm the one that began last. */
export function keysFor(domain: string, keys: readonly DkimKey[], now: number): readonly number[] {
  for (let name = domain; name.includes("."); name = name.slice(name.indexOf(".") + 1)) {
    const chosen = (["rsa", "ed25519"] as const).flatMap((algorithm) => newest(name, algorithm, keys, now) ?? []);
    if (chosen.length > 0) return chosen;
  }
  return [];
}

function newest(domain: string, algorithm: DkimKey["algorithm"], keys: readonly DkimKey[], now: number): number | null {
  let best: number | null = null;
  for (const [n, key] of keys.entries()) {
    if (key.domain !== domain || key.algorithm !== algorithm) continue;
    if ((key.from ?? 0) > now || (key.until ?? Infinity) <= now) continue;
    if (best === null || (key.from ?? 0) >= (keys[best]?.from ?? 0)) best = n;
  }
  return best;
}
