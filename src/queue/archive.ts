import type { Priority } from "../mail/priority.ts";
import type { Attempt, FinalState, Origin, RecipientState, StoredMessage, StoredRecipient, TraceEvent } from "./store.ts";

/**
 * Reading for people: trace, queue listings, reports. Answered by a read-only connection in a worker of its own, so that no question can
 * slow the queue. `store/sqlite` implements it. Operators' changes (hold, release, retry, drop) select here and act through the queue.
 */
export interface Archive {
  /** Messages that still wait, newest last in the order of their ids; `after` pages. */
  list(filter: QueueFilter, page: Page): Promise<readonly QueueEntry[]>;
  count(filter: QueueFilter): Promise<number>;
  /** The whole story of one message, waiting or finished; null when unknown or past retention. */
  trace(id: number): Promise<TraceRecord | null>;
  /** Ids by Message-ID field, or by sender, recipient and time: waiting and finished, newest first. */
  find(query: TraceQuery): Promise<readonly TraceSummary[]>;
  decision(key: string): Promise<unknown>;
  /** What waits to be sent, in numbers: for forecasts. Costs a look at an index for each recipient that waits, and at few messages. */
  backlog(now: number): Promise<readonly LaneBacklog[]>;
}

/** Recipients queued or under way in one lane. */
export interface LaneBacklog {
  /** By when they are due: now, or later in steps of a minute; in order. */
  readonly due: readonly (readonly [at: number, recipients: number])[];
  /** What of it rules and limits look at, told by the messages that are due first. */
  readonly samples: readonly BacklogSample[];
}

/** A message that waits, as far as its recipients in one lane go. */
export interface BacklogSample extends Pick<StoredMessage, "principal" | "priority" | "reversePath" | "author" | "dsnFor" | "smtputf8"> {
  /** Bytes, with what we add. */
  readonly size: number;
  /** Of the first of them, lower case. */
  readonly domain: string;
  readonly recipients: number;
}

export interface Page {
  readonly after?: number;
  readonly limit: number;
}

export interface QueueFilter {
  readonly ids?: readonly number[];
  readonly state?: Exclude<RecipientState, FinalState>;
  readonly principal?: string;
  /** Patterns of mail/address.ts. */
  readonly sender?: string;
  readonly recipient?: string;
  readonly olderThan?: number;
}

export interface QueueEntry {
  readonly message: StoredMessage;
  readonly recipients: readonly (StoredRecipient & { readonly state: RecipientState })[];
}

export interface TraceQuery {
  readonly messageIdField?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
}

export interface TraceSummary {
  readonly id: number;
  readonly receivedAt: number;
  readonly sender: string | null;
  readonly recipients: number;
  readonly subject: string;
  readonly messageIdField: string;
  readonly states: Readonly<Partial<Record<RecipientState, number>>>;
}

export interface TraceRecord {
  readonly id: number;
  readonly receivedAt: number;
  /** When the last recipient reached a final state; absent while any waits. */
  readonly finishedAt?: number;
  readonly principal: string;
  readonly origin: Origin;
  readonly reversePath: string | null;
  readonly envid?: string;
  readonly messageIdField: string;
  readonly subject: string;
  readonly author: string;
  readonly size: number;
  readonly expiresAt: number;
  readonly dsnFor?: number;
  /** Absent: transactional. */
  readonly priority?: Priority;
  readonly recipients: readonly TraceRecipient[];
  /** Oldest first. */
  readonly attempts: readonly TraceAttempt[];
  readonly events: readonly TraceEvent[];
}

export interface TraceRecipient extends Pick<
  StoredRecipient,
  "n" | "address" | "notify" | "orcpt" | "decision" | "attempts" | "notBefore" | "lastFailure"
> {
  readonly state: RecipientState;
  /** The last reply on success. */
  readonly text?: string;
}

/** An attempt with what became of each recipient in it. */
export interface TraceAttempt extends Attempt {
  readonly results: readonly { readonly n: number; readonly to: RecipientState; readonly text: string; readonly status?: string }[];
}
