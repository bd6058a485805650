import type { RuleInForce } from "./rule-in-force.ts";

const minuteMs = 60_000;
const maxPauseMs = 15 * minuteMs;
/** The pause before the first probe after a quota reply, as a share of the window. */
const pauseShare = 1 / 200;
/** A quota reply about "so many at a time" is believed for so long. */
const concurrencyMemoryMs = minuteMs;
const concurrencyPauseMs = 2000;
/** One probe is under way: ask again soon. */
const probeWaitMs = 1000;
/** Bulk mail comes back so soon after the time that it was told, or it waits no more. */
const bulkLateMs = 2000;
const entryStride = 2;
/** Those who were told a time too early have places of their own at so many different times; any more join the line of all. */
const maxReturning = 256;
/** Times are told in whole ms of another clock: who comes may be so early. */
const earlyMs = 2;

/** What is out of the ordinary at a moment, as data; a probe that is under way is none. */
export interface StrainState {
  readonly pausedUntil: number;
  readonly pauseMs: number;
  readonly bulkWaitsUntil: number;
  readonly foreign: readonly [units: number, since: number, fadesInMs: number];
  readonly bulk: readonly [asksAt: number, due: number];
  readonly promised: readonly [units: number, byPace: number, until: number];
  readonly returning: readonly number[];
}

/**
 * What is out of the ordinary about a counter: others use it too, it was said to be full, bulk mail waits beside transactional mail, or
 * many wait that were each told a time. Most counters have none; it goes when it is over.
 */
export class Strain {
  /** Units that expired since it began. */
  freed = 0;
  pausedUntil = 0;
  /** Length of the last pause; 0: not in doubt. After the pause one attempt at a time goes, until one succeeds. */
  pauseMs = 0;
  isProbing = false;
  bulkWaitsUntil = 0;
  #foreign = 0;
  #foreignSince = 0;
  #foreignMs = 1;
  #bulkAsksAt = 0;
  #bulkDue = 0;
  /** Promises: how much must have been freed for the last of them, and when that is. */
  #promised = 0;
  #promisedTat = 0;
  #promisedUntil = 0;
  /** When those come who have come before, at the time that they were told, and too early, with their units; in order. */
  #returning: number[] = [];
  #cursor = 0;
  #before = 0;

  /** Nothing of it has an effect any more. */
  isOver(now: number): boolean {
    return (
      now >= this.pausedUntil && this.pauseMs === 0 && now >= this.bulkWaitsUntil && now >= this.#promisedUntil && this.foreignAt(now) === 0
    );
  }

  /** When `setForeign` was told what it knows. */
  get foreignSince(): number {
    return this.#foreignSince;
  }

  /** Units that other senders used, as far as we know; it fades to nothing over one window. */
  foreignAt(now: number): number {
    if (this.#foreign === 0) return 0;
    return Math.max(0, this.#foreign * (1 - (now - this.#foreignSince) / this.#foreignMs));
  }

  /** When so many units will have faded; Infinity: there are not any. */
  fadedAt(units: number, now: number): number {
    return this.foreignAt(now) === 0 ? Infinity : now + (units * this.#foreignMs) / this.#foreign;
  }

  /** When it will have faded to `units`; Infinity: never (less than nothing). */
  fadesTo(units: number): number {
    if (units < 0) return Infinity;
    // 1 ms: the caller rounds up what is left.
    return this.#foreignSince + this.#foreignMs * Math.max(0, 1 - units / this.#foreign) + 1;
  }

  /** When nothing of it will count any more. */
  get foreignEndsAt(): number {
    return this.#foreign === 0 ? 0 : this.#foreignSince + this.#foreignMs;
  }

  setForeign(units: number, since: number, windowMs: number): void {
    this.#foreign = Math.max(0, units);
    this.#foreignSince = since;
    this.#foreignMs = windowMs > 0 ? windowMs : concurrencyMemoryMs;
  }

  /**
   * The service said that it is full while it has `own` of ours. `isProbe`: said to an attempt that was to find that out; others that were
   * under way meanwhile tell nothing new. `retryAt`: the time it named.
   */
  learnFull(own: number, rule: RuleInForce, now: number, isProbe: boolean, retryAt: number | null): void {
    const { windowMs } = rule;
    this.setForeign(rule.rule.amount - own, now, windowMs);
    if (this.pauseMs === 0 || isProbe) {
      const first = windowMs === 0 ? concurrencyPauseMs : Math.max(Math.min(minuteMs, windowMs), windowMs * pauseShare);
      this.pauseMs = Math.min(maxPauseMs, this.pauseMs === 0 ? first : this.pauseMs * 2);
      this.pausedUntil = now + this.pauseMs;
    }
    if (retryAt !== null) this.pausedUntil = Math.min(Math.max(now, retryAt), now + Math.max(2 * windowMs, maxPauseMs));
  }

  /** An attempt after a pause succeeded. */
  proved(): void {
    this.pauseMs = 0;
    this.pausedUntil = 0;
  }

  bulkWaits(now: number): boolean {
    return now < this.bulkWaitsUntil;
  }

  /** Bulk mail was refused and comes back at `at`. */
  refusedBulk(at: number, now: number, rule: RuleInForce): void {
    if (!this.bulkWaits(now)) this.#bulkDue = now + bulkPace(rule);
    this.#bulkAsksAt = at;
    this.bulkWaitsUntil = Math.max(this.bulkWaitsUntil, at + bulkLateMs);
  }

  servedBulk(units: number, now: number, rule: RuleInForce): void {
    this.#bulkDue = Math.max(this.#bulkDue, now) + units * bulkPace(rule);
  }

  /** The earliest moment at which anything may go. */
  opensAt(isBulk: boolean, now: number, rule: RuleInForce): number {
    let at = this.pausedUntil;
    if (this.isProbing) at = Math.max(at, now + probeWaitMs);
    // The next unit of pace is bulk mail's turn.
    const { msPerUnit } = rule;
    const isBulksTurn = msPerUnit > 0 && !isBulk && now >= this.#bulkDue && now < this.bulkWaitsUntil;
    if (isBulksTurn && now > this.#bulkAsksAt - msPerUnit && now < this.#bulkAsksAt + bulkLateMs)
      at = Math.max(at, this.#bulkAsksAt + Math.min(msPerUnit, bulkLateMs));
    return at;
  }

  /** A place behind those who were told a time before: how much must have been freed. `missing`: for this one alone. */
  promise(units: number, missing: number): number {
    this.#promised = this.#promised > this.freed ? Math.max(this.#promised + units, this.freed + missing) : this.freed + missing;
    return this.#promised;
  }

  promisePace(units: number, tat: number, rule: RuleInForce): number {
    if (rule.msPerUnit === 0) return 0;
    this.#promisedTat = Math.max(this.#promisedTat, tat) + units * rule.msPerUnit;
    return this.#promisedTat - Math.max(rule.burstMs, units * rule.msPerUnit);
  }

  /**
   * The first place that no other of those has who come again; null: they are too many. So a place that is not used by whom it was promised
   * to is not lost, and nobody goes behind all others for having been told too early.
   *
   * @param slotAt when there is room behind so many units; later for more
   */
  promiseAgain(units: number, slotAt: (before: number) => number, now: number): number | null {
    const returning = this.#returning;
    let lapsed = 0;
    while (lapsed < returning.length && (returning[lapsed] as number) <= now + earlyMs) lapsed += entryStride;
    if (lapsed > 0) returning.splice(0, lapsed);
    let before = 0;
    for (let i = 0; ; i += entryStride) {
      const at = slotAt(before);
      if (i < returning.length && (returning[i] as number) <= at) {
        before += returning[i + 1] as number;
        continue;
      }
      if (i > 0 && returning[i - entryStride] === at) returning[i - 1] = (returning[i - 1] as number) + units;
      else if (returning.length < maxReturning * entryStride) returning.splice(i, 0, at, units);
      else return null;
      return at;
    }
  }

  promisedUntil(at: number): void {
    this.#promisedUntil = Math.max(this.#promisedUntil, at);
  }

  /** `count` entries with so many units expired. */
  expired(units: number, count: number): void {
    this.freed += units;
    this.#cursor -= count * entryStride;
    if (this.#cursor <= 0) {
      this.#cursor = 0;
      this.#before = this.freed;
    }
  }

  /** Where the search for the last promise ended: an offset from the first entry, and what will have been freed before it. */
  get cursor(): number {
    return this.#cursor;
  }

  get before(): number {
    return this.#cursor === 0 ? this.freed : this.#before;
  }

  keepCursor(cursor: number, before: number): void {
    this.#cursor = cursor;
    this.#before = before;
  }

  state(): StrainState {
    return {
      pausedUntil: this.pausedUntil,
      pauseMs: this.pauseMs,
      bulkWaitsUntil: this.bulkWaitsUntil,
      foreign: [this.#foreign, this.#foreignSince, this.#foreignMs],
      bulk: [this.#bulkAsksAt, this.#bulkDue],
      promised: [this.#promised - this.freed, this.#promisedTat, this.#promisedUntil],
      returning: this.#returning.slice(),
    };
  }

  static resume({ pausedUntil, pauseMs, bulkWaitsUntil, foreign, bulk, promised, returning }: StrainState): Strain {
    const strain = new Strain();
    strain.pausedUntil = pausedUntil;
    strain.pauseMs = pauseMs;
    strain.bulkWaitsUntil = bulkWaitsUntil;
    [strain.#foreign, strain.#foreignSince, strain.#foreignMs] = foreign;
    [strain.#bulkAsksAt, strain.#bulkDue] = bulk;
    [strain.#promised, strain.#promisedTat, strain.#promisedUntil] = promised;
    strain.#returning = [...returning];
    return strain;
  }
}

/** Bulk mail that waits gets a unit of pace as often. */
function bulkPace({ msPerUnit, rule }: RuleInForce): number {
  return rule.shares.bulk === 0 ? Infinity : msPerUnit / rule.shares.bulk;
}
