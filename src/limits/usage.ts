import type { Counter } from "./counter.ts";
import type { RuleInForce } from "./rule-in-force.ts";
import type { LimitRule } from "./rule.ts";

/** Which limits are asked about; what is absent does not matter. */
export interface UsageQuery {
  /** Id of a limit. */
  readonly rule?: string;
  readonly route?: string;
  /** A part of whom it is counted for, in whatever case. */
  readonly counted?: string;
  /** Of the counters of single senders, recipients or principals, so many for each limit; 0: no counter is looked at. */
  readonly most?: number;
}

/** One limit in force. */
export interface LimitUsage {
  readonly rule: LimitRule;
  /** Counters in which anything is used: there may be one for each recipient of a day. */
  readonly inUse: number;
  /** Units of the amount that are left to senders we do not see. */
  readonly others: number;
  /** How often something was told to wait for it, since start. */
  readonly waits: number;
  /** All counters where nothing is counted apart, used or not; else those nearest to full, the fullest first. */
  readonly counters: readonly CounterUsage[];
}

/** One limit, counted for one party, as of now: for people and for metrics. */
export interface CounterUsage {
  readonly rule: LimitRule;
  /** `mailbox scanner@contoso.example`, `tenant to bob@fabrikam.example`. */
  readonly counted: string;
  /** The same without what is counted apart besides: `tenant`. */
  readonly party: string;
  readonly amount: number;
  /** Units of ours in the window, those under way included. */
  readonly used: number;
  /** Of these, under way. */
  readonly held: number;
  /** Of these, bulk mail. */
  readonly bulk: number;
  /** By senders that we do not see, as a reply or an import told; fades over one window. */
  readonly foreign: number;
  /** When that was told; null: nothing was, or it is over. */
  readonly foreignSince: number | null;
  /** Units that could go now for transactional and bulk mail, if the pace allows. */
  readonly left: { readonly transactional: number; readonly bulk: number };
  /** When one unit can go next; not before now. */
  readonly nextAt: { readonly transactional: number; readonly bulk: number };
  /** used + foreign as a share of the amount. */
  readonly ratio: number;
  /** The next moments at which something frees, and how much; policy-clock ms. At most 12. */
  readonly refills: readonly { readonly at: number; readonly units: number }[];
  /** When the first unit comes back, and when all have, if nothing is used meanwhile; null: nothing is used, or what is will tell by itself. */
  readonly freesAt: number | null;
  readonly emptyAt: number | null;
  /** Nothing goes until then, because the service said that it is full; null: it did not. */
  readonly pausedUntil: number | null;
  /** Who used most of late, the most first; `share` of what was used, 0 to 1. */
  readonly principals: readonly { readonly principal: string; readonly share: number }[];
}

const maxRefills = 12;

/** `shift`: policy time minus ledger time. */
export function usageOf(counter: Counter, now: number, shift: number): CounterUsage {
  expire(counter, now);
  const { rule, windowMs } = counter.rule;
  const { strain } = counter;
  const foreign = foreignOf(counter, now);
  const left = (isBulk: boolean): number => Math.max(0, counter.capOf(isBulk, now) - counter.used);
  // The two clocks have fractions of a ms: what is now in one must not be later in the other.
  const policy = (at: number): number => Math.ceil(at + shift - 0.01);
  const expiries = counter.expiries(maxRefills);
  const frees = Math.min(counter.nextExpiry, foreign === 0 || strain === null ? Infinity : strain.fadesTo(foreign - 1));
  const empty = Math.max(expiries.at(-1)?.[0] ?? 0, counter.held === 0 ? 0 : counter.rule.expiryAfter(now), strain?.foreignEndsAt ?? 0);
  return {
    rule,
    counted: counter.counted,
    party: counter.party,
    amount: rule.amount,
    used: counter.used,
    held: counter.held,
    bulk: counter.settledBulk + counter.heldBulk,
    foreign,
    foreignSince: foreign === 0 || strain === null ? null : Math.floor(strain.foreignSince + shift),
    left: { transactional: left(false), bulk: left(true) },
    nextAt: { transactional: policy(counter.earliest(1, false, now)), bulk: policy(counter.earliest(1, true, now)) },
    ratio: (counter.used + foreign) / rule.amount,
    refills: expiries.map(([at, units]) => ({ at: policy(at), units })),
    freesAt: frees === Infinity ? null : policy(Math.max(now, frees)),
    emptyAt: empty <= now || windowMs === 0 ? null : policy(empty),
    pausedUntil: strain !== null && strain.pausedUntil > now ? policy(strain.pausedUntil) : null,
    principals: counter.top?.list() ?? [],
  };
}

/** What a limit's counters come to at one time: for a history. */
export interface UsageSample {
  /** Id of the limit. */
  readonly rule: string;
  readonly counted: string;
  /** The most that was used at a time since the last sample. */
  readonly used: number;
  /** Units of other senders, now. */
  readonly foreign: number;
}

export function sampleOf(counter: Counter, now: number): UsageSample {
  expire(counter, now);
  const sample = {
    rule: counter.rule.rule.id,
    counted: counter.counted,
    used: Math.max(counter.peak, counter.used),
    foreign: foreignOf(counter, now),
  };
  counter.peak = counter.used;
  return sample;
}

/** The `most` that are nearest to full, the fullest first, and how many there are in which anything is used. One look at each. */
export function fullestCounters(
  counters: Iterable<Counter>,
  most: number,
  now: number,
): { readonly fullest: readonly Counter[]; readonly inUse: number } {
  const fullest: { readonly counter: Counter; readonly ratio: number }[] = [];
  let inUse = 0;
  for (const counter of counters) {
    expire(counter, now);
    const units = counter.used + foreignOf(counter, now);
    if (units === 0) continue;
    inUse++;
    const ratio = units / counter.rule.rule.amount;
    if (fullest.length >= most && ratio <= (fullest.at(-1)?.ratio ?? Infinity)) continue;
    const place = fullest.findLastIndex((other) => other.ratio >= ratio) + 1;
    fullest.splice(place, 0, { counter, ratio });
    if (fullest.length > most) fullest.pop();
  }
  return { fullest: fullest.map(({ counter }) => counter), inUse };
}

export function isMeant({ rule }: RuleInForce, { rule: id, route }: UsageQuery): boolean {
  return (id === undefined || rule.id === id) && (route === undefined || rule.routes.some(({ name }) => name === route));
}

function foreignOf({ strain }: Counter, now: number): number {
  return strain === null ? 0 : Math.ceil(strain.foreignAt(now));
}

function expire(counter: Counter, now: number): void {
  if (now >= counter.nextExpiry) counter.expire(now);
}
