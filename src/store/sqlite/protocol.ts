import type { QueueFilter } from "../../queue/archive.ts";
import type { Settlement } from "../../queue/store.ts";

/**
 * What the main thread and the writer thread say to each other: one message each way a batch.
 *
 * Operations travel as one flat array of numbers and strings and one transferred buffer with all contents: cloning objects with twenty
 * fields costs more than storing them. `packing.ts` writes it, `writer/` reads it; the order of the values is written down there, beside
 * each other in `packOperation` and `WriterOperations`. Each call begins with the position after its last value and with 1 if it only takes in
 * a new message (so that it may be refused for want of space; a DSN that goes with a settlement may not). JSON (meta, failures, stories) is made and parsed by the main thread alone; the
 * writer copies text.
 */
export type Packed = readonly (number | string | null)[];

export const calls = { apply: 0, claim: 1, lanes: 2, claimExpired: 3, change: 4, forget: 5, markUsage: 6, loadUsage: 7 } as const;
export const operations = { accept: 0, settle: 1, decision: 2, event: 3, rerouted: 4, begin: 5 } as const;

export interface WriterOptions {
  readonly file: string;
  /** Bytes of WAL written ahead of use and kept: appending to it then allocates nothing, and a commit costs a third. */
  readonly walBytes: number;
  readonly ballast: BallastOptions;
  /** Tests only: `PRAGMA max_page_count`. */
  readonly maxPages?: number;
}

export interface BallastOptions {
  readonly file: string;
  readonly bytes: number;
}

export type ToWriter =
  | { readonly kind: "batch"; readonly now: number; readonly calls: Packed; readonly contents: Uint8Array | null }
  /** Finish a checkpoint that the maintenance thread did most of, so that the WAL starts again at its beginning. */
  | { readonly kind: "checkpoint" }
  /** The database could not grow: give up the ballast and take in nothing. */
  | { readonly kind: "full" }
  /** Take the ballast back when space has returned. */
  | { readonly kind: "ballast" }
  | { readonly kind: "close" };

export type FromWriter =
  | { readonly kind: "ready"; readonly totals: readonly number[]; readonly recovered: Recovered }
  | { readonly kind: "refused"; readonly name: string; readonly text: string }
  | BatchDone
  | { readonly kind: "checkpointed" }
  | { readonly kind: "ballast"; readonly held: boolean }
  | { readonly kind: "closed" }
  /** The store cannot go on. */
  | { readonly kind: "failed"; readonly text: string };

export interface BatchDone {
  readonly kind: "done";
  readonly totals: readonly number[];
  /** Of calls that have one, by position in the batch. */
  readonly results: readonly (Packed | null)[] | null;
  /** Position, kind, text: of calls of which nothing was applied. */
  readonly errors: Packed | null;
  /** Space of finished messages: message, segment, position, length. */
  readonly freed: Packed | null;
  readonly contents: Uint8Array | null;
  readonly wal: WalState;
  /** Room within the database. */
  readonly unusedBytes: number;
  readonly ballastHeld: boolean;
}

export const errorKinds = { conflict: 0, full: 1, fault: 2 } as const;

export interface WalState {
  /** Written since it began anew. */
  readonly bytes: number;
  /** Of these, not yet copied into the database. */
  readonly uncopiedBytes: number;
}

/** The WAL is kept below its size ahead of use times this; the ballast is as large, so that all of it can be copied when the disk is full. */
export const walGrowth = 1.5;

/** A frame of the WAL: a page with a header. */
export const frameBytes = 4096 + 24;

/** What was leased when the last run ended. */
export interface Recovered {
  readonly queued: number;
  readonly inDoubt: number;
}

/** Positions in `totals`: states by their code, then these. */
export const totalsAt = { messages: 8, accepted: 9, lastId: 10, lastSeq: 11, finished: 12, size: 13 } as const;

/** A change by an operator, as the writer gets it. */
export interface ChangeOrder {
  readonly filter: QueueFilter;
  readonly from: readonly Settlement["from"][];
  readonly to: "held" | "queued" | "cancelled" | "failed";
  readonly notBefore?: number;
  readonly failure?: unknown;
  readonly event: { readonly at: number; readonly what: string; readonly text: string };
  readonly after: number;
  readonly limit: number;
}
