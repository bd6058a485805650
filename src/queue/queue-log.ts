import type { LimitName } from "../limits/limits.ts";
import type { Failure } from "../mail/failure.ts";
import type { Priority } from "../mail/priority.ts";
import type { TraceRecord } from "./archive.ts";
import type { LateFate } from "./late-news.ts";
import type { Attempt, StoredMessage, StoredRecipient } from "./store.ts";

/** The facts of the queue that an operator cares about; the composition root writes them to log and metrics. Must not throw or block. */
export interface QueueLog {
  accepted(message: StoredMessage, recipients: readonly StoredRecipient[]): void;
  relayed(message: StoredMessage, recipient: StoredRecipient, attempt: Attempt, text: string): void;
  delayed(message: StoredMessage, recipient: StoredRecipient, attempt: Attempt, failure: Failure, notBefore: number): void;
  failed(message: StoredMessage, recipient: StoredRecipient, attempt: Attempt | null, failure: Failure): void;
  expired(message: StoredMessage, recipient: StoredRecipient, failure: Failure): void;
  inDoubt(message: StoredMessage, recipient: StoredRecipient, attempt: Attempt, failure: Failure): void;
  held(message: StoredMessage, recipients: readonly StoredRecipient[], reason: string): void;
  dsnMade(dsn: StoredMessage, about: Pick<StoredMessage, "id">, kind: string): void;
  /** Something about a recipient was told after a next hop had taken the message over. */
  heardLater(message: TraceRecord, address: string, fate: LateFate): void;
  circuitOpened(route: string, reason: Failure, retryAt: number): void;
  circuitClosed(route: string): void;
  /** Mail of this priority, to all or to external recipients, has to wait for longer than it stays in memory. */
  limitReached(route: string, priority: Priority, recipients: "all" | "external", limit: LimitName, until: number): void;
  fault(where: string, error: unknown): void;
}
