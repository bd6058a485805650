/**
 * What of the account is durable; `store/sqlite` implements it.
 *
 * The ledger writes ahead in chunks: before a counter's first unit of a chunk is used, a mark for the whole chunk is durable, so that a
 * crash can only make the account too high, by less than a chunk (a small share of the limit). Units below the first chunk need no mark:
 * after a crash every counter is assumed to have used so much.
 *
 * Duties of the store: `write` resolves when the marks are on stable storage; calls share the queue's commits; a later mark of the same
 * counter and chunk replaces the earlier. `load` gives every mark whose time is not past; `write` of a mark with 0 units removes it.
 */
export interface LimitJournal {
  load(): Promise<readonly UsageMark[]>;
  write(marks: readonly UsageMark[]): Promise<void>;
}

export interface UsageMark {
  /** Rule id and scope values; stable over restarts. */
  readonly counter: string;
  /** Number of the chunk, within the counter; grows. */
  readonly chunk: number;
  readonly units: number;
  /** Of the last settlement in it; null: open, units of it may be under way. */
  readonly settledAt: number | null;
  /** When it no longer counts, for a settled one; the store may forget it from then on. */
  readonly until: number | null;
}
