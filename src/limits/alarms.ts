import type { Counter } from "./counter.ts";
import { alarmShares } from "./counter.ts";
import type { LimitRule } from "./rule.ts";

/** A counter has come to a share of its amount. */
export interface Crossing {
  readonly rule: LimitRule;
  readonly counted: string;
  /** What of the sender is counted apart: the From domain, or the principal, as the rule's scope has it; empty: nothing. */
  readonly key: string;
  readonly share: (typeof alarmShares)[number];
  /** Units, other senders' included. */
  readonly used: number;
}

/** An alarm is over when use is so much below its share; else a full counter would cry with each unit that expires. */
const relaxShare = 0.05;

/** Tells once when use comes to 80, 95 and 100 % of an amount, and anew when it has been below in between. */
export class Alarms {
  readonly #tell: (crossing: Crossing) => void;

  constructor(tell: (crossing: Crossing) => void) {
    this.#tell = tell;
  }

  check(counter: Counter, now: number): void {
    const used = usedOf(counter, now);
    const level = levelOf(used / counter.rule.rule.amount);
    if (level > counter.alarmLevel) {
      this.#set(counter, level);
      const { rule } = counter.rule;
      this.#tell({ rule, counted: counter.counted, key: counter.key, share: alarmShares[level - 1] as Crossing["share"], used });
    }
  }

  relax(counter: Counter, now: number): void {
    const ratio = usedOf(counter, now) / counter.rule.rule.amount;
    let level = counter.alarmLevel;
    while (level > 0 && ratio < (alarmShares[level - 1] as number) - relaxShare) level--;
    this.#set(counter, level);
  }

  /** The amount has changed. */
  reset(counter: Counter): void {
    this.#set(counter, Math.min(counter.alarmLevel, levelOf(counter.used / counter.rule.rule.amount)));
  }

  #set(counter: Counter, level: number): void {
    counter.alarmLevel = level;
    counter.alarmAt = Math.ceil((alarmShares[level] ?? Infinity) * counter.rule.rule.amount);
  }
}

function usedOf(counter: Counter, now: number): number {
  return counter.used + (counter.strain === null ? 0 : Math.ceil(counter.strain.foreignAt(now)));
}

function levelOf(ratio: number): number {
  let level = 0;
  while (level < alarmShares.length && ratio >= (alarmShares[level] as number)) level++;
  return level;
}
