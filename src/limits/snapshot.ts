import type { CounterState } from "./counter.ts";
import type { LimitRule } from "./rule.ts";

/** The account at a moment, as data that may go to another thread. Times are the ledger's own. */
export interface LedgerSnapshot {
  readonly at: number;
  readonly rules: readonly LimitRule[];
  readonly counters: readonly CounterSnapshot[];
}

export interface CounterSnapshot {
  /** Id of the rule. */
  readonly rule: string;
  /** The party that it is counted for. */
  readonly counted: string;
  readonly key: string;
  /** Empty where recipients are not counted apart. */
  readonly recipient: string;
  readonly state: CounterState;
}
