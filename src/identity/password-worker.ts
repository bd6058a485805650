import { parentPort } from "node:worker_threads";
import { hashPassword, verifyPassword } from "./password-hash.ts";

/** Runs in a thread of its own; see password-verifier.ts. One job at a time, in order. */
export type PasswordJob =
  | {
      readonly id: number;
      readonly kind: "verify";
      readonly hash: string;
      readonly password: string;
    }
  | { readonly id: number; readonly kind: "hash"; readonly password: string };

export interface PasswordAnswer {
  readonly id: number;
  readonly ok: boolean;
  readonly hash?: string;
}

parentPort?.on("message", (job: PasswordJob) => {
  parentPort?.postMessage(run(job));
});

function run(job: PasswordJob): PasswordAnswer {
  if (job.kind === "hash") return { id: job.id, ok: true, hash: hashPassword(job.password) };
  return { id: job.id, ok: verifyPassword(job.hash, job.password) };
}
