import type { SteadyClock } from "../lib/steady-clock.ts";
import type { Anchor } from "./journal.ts";

/**
 * The ledger's own time: it only goes forward, as fast as time truly passes, whatever the wall clock does. ms on an axis that began as
 * policy time at the first start and has drifted from it by every step of the wall clock since.
 */
export class LedgerTime {
  readonly #clock: SteadyClock;
  #at: number;
  #last: number;

  constructor(clock: SteadyClock, at: number) {
    this.#clock = clock;
    this.#at = at;
    this.#last = clock.steady();
  }

  /**
   * Goes on from where the last run left it. Within one start of the machine its own clock tells how long that was; else only the wall
   * clock can, and one that went back tells nothing: then no time has passed.
   */
  static resume(clock: SteadyClock, anchor: Anchor | null): LedgerTime {
    if (anchor === null) return new LedgerTime(clock, clock.now());
    const isSameBoot = anchor.boot !== "" && anchor.boot === clock.boot;
    const passed = isSameBoot ? clock.steady() - anchor.steady : clock.now() - anchor.now;
    return new LedgerTime(clock, anchor.at + Math.max(0, passed));
  }

  now(): number {
    const steady = this.#clock.steady();
    if (steady > this.#last) this.#at += steady - this.#last;
    this.#last = steady;
    return this.#at;
  }

  anchor(floors: Anchor["floors"]): Anchor {
    return { at: Math.floor(this.now()), now: this.#clock.now(), steady: this.#last, boot: this.#clock.boot, floors };
  }
}
