import type { LimitRule, LimitUnit } from "./rule.ts";

/** Kinds of units; so far on stands each as it counts at a time (amountsOf in reservation.ts). */
export const unitKindCount = 5;
/** Positions of the units in an amount of each. */
export const unitKinds: Readonly<Record<LimitUnit, number>> = {
  messages: 0,
  recipients: 1,
  "external-recipients": 2,
  bytes: 3,
  requests: 4,
};

/** A window has so many slices; units that settle within one expire together, at its end. */
const slices = 4096;
const minSliceMs = 10;
/**
 * A service may count a unit somewhat later than it answers (those for a tenant are counted behind the door): so much, as a share of the
 * window and at most. It costs as much of a window.
 */
const countedLateShare = 1 / 720;
const maxCountedLateMs = 5000;
/** A chunk of usage that is made durable at once, as a share of the amount. */
const chunkShare = 1 / 500;
const maxChunk = 500;
/** The same where there is a counter for each recipient: many counters, each with little use, should cost no writes. */
const recipientChunkShare = 1 / 50;
const recipientFloorShare = 1 / 20;

/**
 * A rule, worked out for its counters: caps, pace, slices. Counters hold it and read its fields on each admission; when only amounts
 * change (another day, a reload), it is changed in place, so that the counters stay.
 */
export class RuleInForce {
  rule: LimitRule;
  readonly kind: number;
  readonly windowMs: number;
  readonly isPerRecipient: boolean;
  readonly countsBytes: boolean;
  /** Units for mail of each priority, before other senders and waiting bulk mail are seen to. */
  capTransactional = 0;
  capBulk = 0;
  /** Kept for bulk mail while it waits. */
  bulkGuarantee = 0;
  /** Left to senders that we do not see. */
  others = 0;
  holds = true;
  isPaced = false;
  /** ms from one unit to the next; 0: not paced. */
  msPerUnit = 0;
  /** The bucket of units that may go at once, as ms of pace. */
  burstMs = 0;
  burstBulkMs = 0;
  /** Units that need no mark, and units in a chunk. `floor` counts from when it is durable. */
  floor = 0;
  wantedFloor = 0;
  chunk = 1;
  /** What each counter may have used without a mark before a crash, and until when that counts. */
  assumed = 0;
  assumedUntil = 0;
  /** How often something was told to wait for it. */
  waits = 0;
  readonly #sliceMs: number;
  readonly #countedLateMs: number;
  #sliceEnd = -Infinity;
  #expiry = 0;

  constructor(rule: LimitRule) {
    this.rule = rule;
    this.kind = unitKinds[rule.unit] + (rule.windowMs === 0 ? unitKindCount : 0);
    this.windowMs = rule.windowMs;
    this.countsBytes = rule.unit === "bytes";
    this.isPerRecipient = rule.scope.includes("recipient") || rule.scope.includes("sender-recipient");
    this.#sliceMs = Math.max(minSliceMs, Math.ceil(rule.windowMs / slices));
    this.#countedLateMs = Math.min(maxCountedLateMs, Math.ceil(rule.windowMs * countedLateShare));
    this.adopt(rule);
  }

  /** Whether that one counts the same, if in a window of another length. */
  countsAs(rule: LimitRule): boolean {
    return rule.id === this.rule.id && rule.unit === this.rule.unit && rule.scope.join() === this.rule.scope.join();
  }

  adopt(rule: LimitRule): void {
    const { amount, shares, burst, windowMs } = rule;
    this.rule = rule;
    this.holds = rule.holds;
    this.others = Math.min(amount - 1, Math.ceil(amount * rule.others));
    this.capTransactional = amount - this.others;
    const reserve = shareOf(this.capTransactional, shares.transactional, amount >= 20);
    this.capBulk = this.capTransactional - reserve;
    this.bulkGuarantee = Math.min(this.capBulk, shareOf(this.capTransactional, shares.bulk, amount >= 20));
    this.isPaced = windowMs > 0 && burst < amount;
    // What is left to others is left by the pace, too.
    this.msPerUnit = this.isPaced ? windowMs / this.capTransactional : 0;
    this.burstMs = burst * this.msPerUnit;
    this.burstBulkMs = reserve === 0 ? this.burstMs : Math.max(1, burst - Math.max(1, Math.floor(burst / 10))) * this.msPerUnit;
    const most = rule.unit === "bytes" ? Infinity : maxChunk;
    this.chunk = Math.min(most, Math.max(1, Math.floor(amount * (this.isPerRecipient ? recipientChunkShare : chunkShare))));
    this.wantedFloor = windowMs === 0 ? 0 : Math.min(most, Math.floor(amount * (this.isPerRecipient ? recipientFloorShare : chunkShare)));
  }

  assume(units: number, until: number): void {
    this.assumed = units;
    this.assumedUntil = until;
  }

  /** When units that settled at `time` no longer count. */
  expiryAfter(time: number): number {
    return (Math.floor(time / this.#sliceMs) + 1) * this.#sliceMs + this.windowMs + this.#countedLateMs;
  }

  /** The same for now: one window after the end of the slice. Never goes back. */
  expiryOf(now: number): number {
    if (now >= this.#sliceEnd) {
      this.#expiry = this.expiryAfter(now);
      this.#sliceEnd = this.#expiry - this.windowMs - this.#countedLateMs;
    }
    return this.#expiry;
  }
}

function shareOf(amount: number, share: number, atLeastOne: boolean): number {
  return share === 0 ? 0 : Math.min(amount - 1, Math.max(atLeastOne ? 1 : 0, Math.floor(amount * share)));
}
