/**
 * A limit in force: so much of one unit in any window, counted for each value of its scope. Made from the catalogue, from the operator's
 * configuration, or learned (rules are data; the ledger knows no service).
 */
export interface LimitRule {
  /** `smtp-auth.recipients-per-day`: the fact it comes from; else the operator's name for it. */
  readonly id: string;
  /** For people: `Recipients in 24 hours for one mailbox`. */
  readonly title: string;
  readonly unit: LimitUnit;
  /** Whole units, 0 or more. */
  readonly amount: number;
  /** A trailing window of so many ms; 0: so many at a time (concurrency). */
  readonly windowMs: number;
  /** What is counted apart: one counter for each combination of these keys' values; empty: one counter in all. */
  readonly scope: readonly ScopeKey[];
  /** Routes whose mail it counts. Routes that share a mailbox, tenant or subscription share the counter. */
  readonly routes: readonly string[];
  /** Only mail from these senders (address patterns of mail/address.ts); absent: all. */
  readonly senders?: readonly string[];
  /** Only recipients in these domains (patterns); absent: all. */
  readonly recipientDomains?: readonly string[];
  /** The service counts what it refuses, too. */
  readonly countsRefused: boolean;
  /**
   * Units that may go at once before the rest is spread evenly over the window; `amount`: not spread at all. For SMTP AUTH the service
   * itself delays beyond 30 a minute, so spreading costs nothing there.
   */
  readonly burst: number;
  /** 0 ≤ share < 1 of the amount that is left to senders Postern does not see. */
  readonly others: number;
  /** false: a threshold (5,000 a day make a bulk sender for good): warned of, mail is never held for it. */
  readonly holds: boolean;
  /** Where it stands published, or `configuration`. */
  readonly source: string;
}

export type LimitUnit = "messages" | "recipients" | "external-recipients" | "bytes" | "requests";

export type ScopeKey =
  | "route"
  | "mailbox"
  | "tenant"
  | "subscription"
  | "principal"
  | "sender-domain"
  /** One recipient, whoever sends. */
  | "recipient"
  /** One recipient from one sender address. */
  | "sender-recipient"
  /** Group of receiving domains: `consumer provider`. */
  | "receiver";
