import { createPrivateKey } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { MessageDigest } from "./message-digest.ts";
import type { Answer, Batch, Job, StartMessage } from "./protocol.ts";
import { signMessage, type SigningKey } from "./sign-message.ts";

/** The thread that hashes and signs; see dkim-signer.ts. */
let keys: readonly SigningKey[] = [];
const open = new Map<number, Opened>();

/** A message that comes piece by piece. */
interface Opened {
  readonly keys: readonly number[];
  readonly at: number;
  readonly digest: MessageDigest;
}

parentPort?.on("message", (message: StartMessage | Batch) => {
  if (message.kind === "keys") {
    keys = message.keys.map(({ domain, selector, pem }) => ({ domain, selector, key: createPrivateKey(pem) }));
    return;
  }
  const bytes = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.length);
  const answers: Answer[] = [];
  let at = 0;
  for (const job of message.jobs) {
    const from = at;
    if ("length" in job) at += job.length;
    try {
      const answer = run(job, bytes.subarray(from, at));
      if (answer !== null) answers.push(answer);
    } catch (error) {
      open.delete(job.id);
      answers.push({ id: job.id, error: (error as Error).message });
    }
  }
  parentPort?.postMessage(answers);
});

function run(job: Job, bytes: Buffer): Answer | null {
  switch (job.kind) {
    case "whole": {
      const digest = new MessageDigest();
      digest.push(bytes);
      return { id: job.id, fields: signatures({ ...job, digest }) };
    }
    case "open":
      open.set(job.id, { keys: job.keys, at: job.at, digest: new MessageDigest() });
      return null;
    case "piece":
      known(job.id).digest.push(bytes);
      return { id: job.id };
    case "end": {
      const opened = known(job.id);
      open.delete(job.id);
      return { id: job.id, fields: signatures(opened) };
    }
    case "drop":
      open.delete(job.id);
      return null;
  }
}

function signatures({ keys: wanted, at, digest }: Opened): string {
  const { header, bodyHash } = digest.end();
  const signing = wanted.flatMap((n) => keys[n] ?? []);
  return signMessage(header, bodyHash, signing, at);
}

/** @throws Error when the message began in a thread that has died since: what is left of it cannot be signed. */
function known(id: number): Opened {
  const opened = open.get(id);
  if (opened === undefined) throw new Error("the signing thread was lost");
  return opened;
}
