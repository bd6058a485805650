/**
 * What is published about a service is dated: it held from a day, it was announced on a day, it was replaced or called off. A *fact* is one
 * question (how many recipients may a message have?), its *rules* are the answers that were ever published. Two questions can be asked:
 * what holds *as of* a day, and what was believed of that day by those who read *as known on* another.
 *
 * Pure data: no rule is ever deleted when it is superseded, only marked. Dates are ISO days, `2026-12-31`, compared as text; a rule holds
 * from the beginning (UTC) of `validFrom` until before the beginning of `validTo`.
 */
export interface Fact<T> {
  /** `smtp-auth.recipients-per-message`: service, a dot, what it is about. */
  readonly id: string;
  /** For people: `Recipients in one message`. */
  readonly title: string;
  readonly unit?: string;
  /** Oldest first. */
  readonly rules: readonly Rule<T>[];
}

export interface Rule<T> {
  readonly value: T;
  readonly validFrom: string;
  readonly validTo?: string;
  /** Where it stands published. */
  readonly source: string;
  /** The day of that publication, as exactly as known: `2026`, `2026-08`, `2026-08-13`. */
  readonly sourceDate: string;
  /** documented: by the service itself. field: reported by somebody who tested it. unverified: remembered, inferred or a single weak source. */
  readonly status: "documented" | "field" | "unverified";
  /** The day it became known; absent: together with `validFrom`. */
  readonly announcedOn?: string;
  /** It was replaced by another announcement on that day, so that it does not hold after it was known to be replaced. */
  readonly supersededOn?: string;
  /** It was called off on that day. */
  readonly cancelledOn?: string;
  /** A sentence, where the value alone misleads. */
  readonly note?: string;
}

/** The rule that holds on a day by what was published up to `knownOn` (default: everything we know); null when none does. */
export function ruleAsOf<T>(fact: Fact<T>, day: string, knownOn = "9999-12-31"): Rule<T> | null {
  for (const rule of fact.rules.toReversed()) {
    if ((rule.announcedOn ?? rule.validFrom) > knownOn) continue;
    if (isWithdrawn(rule, knownOn)) continue;
    if (rule.validFrom <= day && (rule.validTo === undefined || day < rule.validTo)) return rule;
  }
  return null;
}

/** Whether whoever reads on `knownOn` knows that the rule was replaced or called off. */
export function isWithdrawn(rule: Rule<unknown>, knownOn: string): boolean {
  return (
    (rule.supersededOn !== undefined && rule.supersededOn <= knownOn) || (rule.cancelledOn !== undefined && rule.cancelledOn <= knownOn)
  );
}
