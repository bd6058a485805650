import type { FailureCode } from "../mail/failure-codes.ts";
import type { LimitUnit, ScopeKey } from "../services/counted.ts";

export type { LimitUnit, ScopeKey } from "../services/counted.ts";

/**
 * A limit in force: so much of one unit in any window, counted for each value of its scope. Made from the catalogue, from the operator's
 * configuration, or learned (rules are data; the ledger knows no service).
 */
export interface LimitRule {
  /** `smtp-auth.recipients-per-day`: the fact it comes from; `limits.NAME`: the operator's. */
  readonly id: string;
  /** For people: `Recipients in 24 hours for one mailbox`. */
  readonly title: string;
  readonly unit: LimitUnit;
  /** Whole units, 1 or more. */
  readonly amount: number;
  /** A trailing window of so many ms; 0: so many at a time (concurrency). */
  readonly windowMs: number;
  /** Whose mail it counts; each name once. */
  readonly routes: readonly CountedRoute[];
  /** What is counted apart besides: one counter for each combination of these keys' values. */
  readonly scope: readonly ScopeKey[];
  /** Only mail with these reverse-paths (address patterns of mail/address.ts; `*@*`: any but the null one); absent: all. */
  readonly reversePaths?: readonly string[];
  /** Only mail whose From is one of these (patterns); absent: all. */
  readonly authors?: readonly string[];
  /** Only recipients in these domains (patterns of domains, lower case); absent: all. */
  readonly recipientDomains?: readonly string[];
  /** The service counts what it refuses, too. */
  readonly countsRefused: boolean;
  /** Units, 1 to `amount`, that may go at once before the rest is spread evenly over the window; `amount`: not spread at all. */
  readonly burst: number;
  /** 0 ≤ share < 1 of the amount that is left to senders Postern does not see. */
  readonly others: number;
  readonly shares: PriorityShares;
  /** false: a threshold (5,000 a day make a bulk sender for good): warned of, mail is never held for it. */
  readonly holds: boolean;
  /** Failures by which the service says that it is reached; of several rules that have a code, the fullest is meant. */
  readonly fullCodes: readonly FailureCode[];
  /** Where it stands published, or `configuration`. */
  readonly source: string;
  /** How sure the amount is; configured: the operator's word. */
  readonly status: "documented" | "field" | "unverified" | "configured";
}

export interface CountedRoute {
  readonly name: string;
  /** For whom the service counts, in words: `mailbox scanner@contoso.example`, `tenant`. Routes with the same one share the counter. */
  readonly counted: string;
}

/** What of an amount is kept for one priority; 0 ≤ each, and together < 1. */
export interface PriorityShares {
  /** Only transactional mail may use it. */
  readonly transactional: number;
  /** Bulk mail gets it while it waits, against any amount of transactional mail. */
  readonly bulk: number;
}
