import type { Identity } from "../identity/identity.ts";
import type { Clock } from "../lib/clock.ts";
import type { IdSource } from "../lib/ids.ts";
import { failure } from "../mail/failure-codes.ts";
import { Refusal } from "../mail/refusal.ts";
import type { QueueOptions } from "../queue/options.ts";
import type { Queue } from "../queue/queue.ts";
import { StoreFailed, StoreFull, type QueueStore } from "../queue/store.ts";

/** What every way of arriving needs. */
export interface SubmitDeps {
  readonly queue: Queue;
  readonly store: QueueStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly hostname: string;
  readonly postmaster: string;
  readonly options: QueueOptions;
  /** For what makes more messages of itself than the one that the door counted. */
  readonly rates: Pick<Identity, "admit" | "giveBack">;
}

/** Content up to this size is stored in the message's row (docs/decisions: measured). */
export const inRowBytes = 32 * 1024;
/** A fault of the store as what the client is told; anything else as it is. */
export function refusalOf(error: unknown): unknown {
  // A full disk is no fault: no cause, so that a flood of refusals does not fill the log with stacks.
  if (error instanceof StoreFull) return new Refusal(failure("spool.full"));
  if (error instanceof StoreFailed) return new Refusal(failure("spool.unavailable"), error);
  return error;
}
