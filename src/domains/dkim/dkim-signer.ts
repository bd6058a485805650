import { Worker } from "node:worker_threads";
import type { OutgoingBytes } from "../outgoing-bytes.ts";
import type { Signer } from "../signer.ts";
import type { Answer, Batch, Job, StartMessage } from "./protocol.ts";

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
 * message. What comes while two batches are with the thread travels in the next, so that the busier it is, the less each message costs on the
 * way; long messages go piece by piece with a bound on what is on its way.
 *
 * Rotation: of the keys of one domain and algorithm the one that began last signs; what it replaces stays published until its mail is out
 * (`postern dns`). A domain without a key of its own is signed by the nearest domain above it that has one (relaxed alignment).
 */
export class DkimSigner implements Signer, AsyncDisposable {
  readonly #keys: readonly DkimKey[];
  readonly #now: () => number;
  readonly #waiting = new Map<number, { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void }>();
  #jobs: Job[] = [];
  /** What they are about, in their order. */
  #pieces: Uint8Array[] = [];
  /** Batches that the thread has not answered. */
  #under = 0;
  #scheduled = false;
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
        ? (await this.#ask({ kind: "whole", ...job, length: content.size }, content.inMemory)).fields
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
        await this.#ask({ kind: "piece", id: job.id, length: bytes.length }, [bytes]);
      }
    } catch (error) {
      this.#post({ kind: "drop", id: job.id });
      throw error;
    }
    return (await this.#ask({ kind: "end", id: job.id })).fields;
  }

  #ask(job: Job, pieces: readonly Uint8Array[] = []): Promise<Answer> {
    if (this.#closed) return Promise.reject(new SigningFailed("the signer is closed"));
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.set(job.id, { resolve, reject });
    this.#post(job, pieces);
    return promise;
  }

  #post(job: Job, pieces: readonly Uint8Array[] = []): void {
    this.#jobs.push(job);
    for (const piece of pieces) this.#pieces.push(piece);
    if (this.#scheduled || this.#under >= batchesUnder) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const [jobs, pieces] = [this.#jobs, this.#pieces];
    if (jobs.length === 0 || this.#closed) return;
    this.#jobs = [];
    this.#pieces = [];
    const bytes = laidEndToEnd(pieces);
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    this.#under++;
    worker.postMessage({ kind: "batch", jobs, bytes } satisfies Batch, [bytes.buffer]);
  }

  #start(): Worker {
    // The package ships .js, a clone runs .ts.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./thread.${extension}`, import.meta.url), { name: "dkim", env: {}, stdin: false });
    const start: StartMessage = { kind: "keys", keys: this.#keys.map(({ domain, selector, key }) => ({ domain, selector, pem: key })) };
    worker.postMessage(start);
    worker.on("message", (answers: readonly Answer[]) => {
      this.#under--;
      for (const answer of answers) this.#settle(answer);
      this.#send();
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
    this.#jobs = [];
    this.#pieces = [];
    this.#under = 0;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

/** In one buffer of their own, which changes hands. */
function laidEndToEnd(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const all = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** One that is worked on, and one so that the thread need not wait for the next. */
const batchesUnder = 2;
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
