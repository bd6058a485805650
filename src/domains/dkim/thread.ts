import { createHash, createPrivateKey } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { RelaxedBody } from "../../wire/dkim/relaxed-body.ts";
import type { Answer, Job, StartMessage } from "./protocol.ts";
import { signMessage, type SigningKey } from "./sign-message.ts";

/** The thread that hashes and signs; see dkim-signer.ts. */
let keys: readonly SigningKey[] = [];
const open = new Map<number, Long>();

parentPort?.on("message", (message: StartMessage | readonly Job[]) => {
  if ("kind" in message) {
    keys = message.keys.map(({ domain, selector, pem }) => ({ domain, selector, key: createPrivateKey(pem) }));
    return;
  }
  const answers: Answer[] = [];
  for (const job of message) {
    try {
      const answer = run(job);
      if (answer !== null) answers.push(answer);
    } catch (error) {
      open.delete(job.id);
      answers.push({ id: job.id, error: (error as Error).message });
    }
  }
  if (answers.length > 0) parentPort?.postMessage(answers);
});

function run(job: Job): Answer | null {
  switch (job.kind) {
    case "whole": {
      const long = new Long(job.keys, job.at);
      long.push(job.message);
      return { id: job.id, fields: long.end() };
    }
    case "open":
      open.set(job.id, new Long(job.keys, job.at));
      return null;
    case "piece":
      known(job.id).push(job.bytes);
      return { id: job.id };
    case "end": {
      const long = known(job.id);
      open.delete(job.id);
      return { id: job.id, fields: long.end() };
    }
    case "drop":
      open.delete(job.id);
      return null;
  }
}

/** @throws Error when the message began in a thread that has died since: what is left of it cannot be signed. */
function known(id: number): Long {
  const long = open.get(id);
  if (long === undefined) throw new Error("the signing thread was lost");
  return long;
}

/** A message as it comes: its header section is kept, its body only hashed. */
class Long {
  readonly #keys: readonly SigningKey[];
  readonly #at: number;
  readonly #hash = createHash("sha256");
  readonly #body = new RelaxedBody((bytes) => this.#hash.update(bytes));
  #head: Buffer | null = Buffer.alloc(0);
  #header = "";

  constructor(wanted: readonly number[], at: number) {
    this.#keys = wanted.flatMap((n) => keys[n] ?? []);
    this.#at = at;
  }

  push(bytes: Uint8Array): void {
    if (this.#head === null) return this.#body.push(bytes);
    const head = this.#head.length === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat([this.#head, bytes]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) {
      if (head.length > longestHeader) throw new Error("the header section is too long");
      this.#head = head;
      return;
    }
    this.#header = head.toString("latin1", 0, end + 2);
    this.#head = null;
    this.#body.push(head.subarray(end + 4));
  }

  end(): string {
    if (this.#head !== null) this.#header = this.#head.toString("latin1");
    this.#body.end();
    return signMessage(this.#header, this.#hash.digest("base64"), this.#keys, this.#at);
  }
}

const longestHeader = 512 * 1024;
