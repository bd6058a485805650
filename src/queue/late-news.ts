import type { Failure } from "../mail/failure.ts";
import type { TraceRecord } from "./archive.ts";

/**
 * What is heard of a message after a next hop has taken it over: the port between whoever hears it (feedback/) and the queue.
 *
 * It moves no state: relayed stays relayed, for that is what happened. It becomes an event of the message's story, wherever that is by now,
 * and, where the sender wants to know, a notification in the same commit.
 *
 * Duties of the implementation: reports about one message are recorded one after another, so that the same report twice is recorded once;
 * each recipient has each fate at most once, whatever is said how often, so that no two systems can keep each other busy; what is kept of
 * one message is bounded. Duties of the caller: only what somebody vouched for (a signed bounce address, a service's own channel).
 */
export interface LateNews {
  /**
   * @param judge is given the story of the message and says what is news
   * @throws Refusal when the store cannot take it; nothing was recorded then
   */
  record(messageId: number, judge: (record: TraceRecord) => LateFindings): Promise<LateResult>;
}

export interface LateFindings {
  readonly fates: readonly LateFate[];
  /** What else was heard, in a sentence; for the story alone. */
  readonly note?: string;
}

export type LateAction = "failed" | "delayed" | "delivered" | "relayed";

export interface LateFate {
  /** Position of the recipient in the envelope. */
  readonly n: number;
  readonly action: LateAction;
  /** Who said it: `mx.fabrikam.example`. Empty: not known. */
  readonly remote: string;
  /** What it said, or what is known, in a sentence for the trace. */
  readonly text: string;
  /** Of `failed`. */
  readonly failure?: Failure;
}

/** `known`: nothing in it was new. `forgotten`: there is no such message any more. */
export type LateResult = "recorded" | "known" | "forgotten";
