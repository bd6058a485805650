import type { Counter } from "./counter.ts";
import type { LimitRule } from "./rule.ts";

/** One limit, counted for one party, as of now: for people and for metrics. */
export interface CounterUsage {
  readonly rule: LimitRule;
  /** `mailbox scanner@contoso.example`, `tenant to bob@fabrikam.example`. */
  readonly counted: string;
  readonly amount: number;
  /** Units of ours in the window, those under way included. */
  readonly used: number;
  /** Of these, under way. */
  readonly held: number;
  /** Of these, bulk mail. */
  readonly bulk: number;
  /** By senders that we do not see, as a reply or an import told; fades over one window. */
  readonly foreign: number;
  /** Units that could go now for transactional and bulk mail, if the pace allows. */
  readonly left: { readonly transactional: number; readonly bulk: number };
  /** used + foreign as a share of the amount. */
  readonly ratio: number;
  /** The next moment at which something frees, and when; policy-clock ms. At most 12. */
  readonly refills: readonly { readonly at: number; readonly units: number }[];
  /** Nothing goes until then, because the service said that it is full; null: it did not. */
  readonly pausedUntil: number | null;
  /** Who used most of late, the most first; `share` of what was used, 0 to 1. */
  readonly principals: readonly { readonly principal: string; readonly share: number }[];
}

const maxRefills = 12;

/** `shift`: policy time minus ledger time. */
export function usageOf(counter: Counter, now: number, shift: number): CounterUsage {
  if (now >= counter.nextExpiry) counter.expire(now);
  const { rule } = counter.rule;
  const foreign = counter.strain === null ? 0 : Math.ceil(counter.strain.foreignAt(now));
  const left = (isBulk: boolean): number => Math.max(0, counter.capOf(isBulk, now) - counter.used);
  const paused = counter.strain !== null && counter.strain.pausedUntil > now ? counter.strain.pausedUntil : null;
  return {
    rule,
    counted: counter.counted,
    amount: rule.amount,
    used: counter.used,
    held: counter.held,
    bulk: counter.settledBulk + counter.heldBulk,
    foreign,
    left: { transactional: left(false), bulk: left(true) },
    ratio: (counter.used + foreign) / rule.amount,
    refills: counter.expiries(maxRefills).map(([at, units]) => ({ at: Math.ceil(at + shift), units })),
    pausedUntil: paused === null ? null : Math.ceil(paused + shift),
    principals: counter.top?.list() ?? [],
  };
}
