import type { Crossing } from "./alarms.ts";
import type { BulkSenderWarning } from "./bulk-sender-warning.ts";
import type { LimitRule } from "./rule.ts";

/** Somebody should know: a limit is nearly used up or is, or a From domain becomes a bulk sender. */
export type LimitAlert = NearLimit | (BulkSenderWarning & { readonly kind: "bulk-sender"; readonly at: number });

export interface NearLimit {
  readonly kind: "near-limit";
  /** Policy-clock ms. */
  readonly at: number;
  /** Id of the limit. */
  readonly rule: string;
  readonly title: string;
  readonly counted: string;
  readonly share: Crossing["share"];
  /** Units, other senders' included. */
  readonly used: number;
  readonly amount: number;
  /** ms */
  readonly windowMs: number;
  /** Others that came to a share of the same limit, or this one again, since it was told last. */
  readonly more: number;
}

export interface LimitAlertsParts {
  /** Policy-clock ms. */
  readonly now: () => number;
  readonly tell: (alert: LimitAlert) => void;
}

const hourMs = 3_600_000;
/** What is counted for many, each for himself, is told of no more often. */
const eachQuietMs = 10 * 60_000;
const kept = 50;

/**
 * Of the ledger's crossings, those that somebody should hear of; the last are kept. It is in the nature of a limit of so many at a time to be
 * reached, and of a short window to be full again and again: the former is not told, the latter no more than once an hour unless it gets
 * worse. Thresholds that hold no mail have their own watch (compose/bulk-senders.ts).
 */
export class LimitAlerts {
  readonly #parts: LimitAlertsParts;
  readonly #told = new Map<string, { share: number; until: number; more: number }>();
  #list: readonly LimitAlert[] = [];

  constructor(parts: LimitAlertsParts) {
    this.#parts = parts;
  }

  crossed({ rule, counted, share, used }: Crossing): void {
    const { id, title, amount, windowMs, holds, scope } = rule;
    if (windowMs === 0 || !holds) return;
    const at = this.#parts.now();
    const key = `${id}\n${scope.length === 0 ? counted : ""}`;
    const told = this.#told.get(key);
    const isWorse = told === undefined || (scope.length === 0 && share > told.share);
    if (told !== undefined && at < told.until && !isWorse) {
      told.more++;
      return;
    }
    this.#told.set(key, { share, until: at + quietOf(rule), more: 0 });
    this.#add({ kind: "near-limit", at, rule: id, title, counted, share, used, amount, windowMs, more: told?.more ?? 0 });
  }

  bulkSender(warning: BulkSenderWarning): void {
    this.#add({ ...warning, kind: "bulk-sender", at: this.#parts.now() });
  }

  /** The last ones, the newest first. */
  list(): readonly LimitAlert[] {
    return this.#list;
  }

  #add(alert: LimitAlert): void {
    this.#list = [alert, ...this.#list.slice(0, kept - 1)];
    this.#parts.tell(alert);
  }
}

/** The ledger tells of a long window only when it had been below for a while. */
function quietOf({ scope, windowMs }: LimitRule): number {
  if (scope.length > 0) return eachQuietMs;
  return windowMs < hourMs ? hourMs : 0;
}
