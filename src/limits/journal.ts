/**
 * What of the account is durable; `store/sqlite` implements it.
 *
 * The ledger writes ahead in chunks: before a counter's first unit of a chunk is used, a mark for the whole chunk is durable, so that a
 * crash can only make the account too high, by a small share of the limit. The first units of a window need no mark: after a crash every
 * counter is assumed to have used its rule's `floor`.
 *
 * Duties of the store: `write` resolves when all of one call, or nothing of it, is on stable storage; calls share the queue's commits and
 * are applied in their order. A later mark with the same number replaces the earlier; one with 0 units removes it. With each call the
 * store forgets marks whose `until` is not after `anchor.at`: their time is over by the ledger's clock, which is not the store's.
 *
 * Times are the ledger's own (ledger-time.ts), whole ms.
 */
export interface LimitJournal {
  load(): Promise<JournalContents>;
  write(entry: JournalEntry): Promise<void>;
}

export interface JournalContents {
  /** Of the last write; null: there was none. */
  readonly anchor: Anchor | null;
  readonly marks: readonly UsageMark[];
}

export interface JournalEntry {
  readonly anchor: Anchor;
  readonly marks: readonly UsageMark[];
  /** These marks are all there is: every other one is forgotten. */
  readonly replacesAll?: true;
}

export interface UsageMark {
  /** Unique; grows. */
  readonly chunk: number;
  /** Rule id and scope values; stable over restarts. */
  readonly counter: string;
  /** used: by Postern's own mail. foreign: by other senders, as a reply or an import told; it fades over one window. */
  readonly kind: "used" | "foreign";
  readonly units: number;
  /** Of the last settlement in it; null: open, units of it may be under way. */
  readonly settledAt: number | null;
  /** When it no longer counts, for a settled one. */
  readonly until: number | null;
}

/** Ties the ledger's time to the clocks of the machine, and says what a crash may have forgotten. */
export interface Anchor {
  /** Ledger time. */
  readonly at: number;
  /** At that moment: policy time, the steady clock, and the start of the machine that it belongs to (lib/steady-clock.ts). */
  readonly now: number;
  readonly steady: number;
  readonly boot: string;
  /** Units by rule id that each of its counters may have used without a mark; empty after an orderly stop. */
  readonly floors: Readonly<Record<string, number>>;
}
