import type { Identity } from "../identity/identity.ts";
import type { Clock } from "../lib/clock.ts";
import type { IdSource } from "../lib/ids.ts";
import type { QueueOptions } from "../queue/options.ts";
import type { Queue } from "../queue/queue.ts";
import type { QueueStore } from "../queue/store.ts";

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

/** What messages that are accepted together may have in bytes. */
export const maxTogetherBytes = 64 * 1024 * 1024;
