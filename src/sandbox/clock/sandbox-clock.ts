import { setImmediate as turn } from "node:timers/promises";
import { PolicyClock, type Clock } from "../../lib/clock.ts";
import type { Followers } from "./followers.ts";

/**
 * The sandbox's policy clock, which can be moved, and its followers (the demo gateway), which must move with it.
 *
 * `advance` goes from one due time to the next, here and at the followers, and lets everything that fell due run and come to rest before it
 * takes the next step: what would have happened in a day happens in order, in seconds. It goes forward only; the way back is `reset`.
 * Moves are taken one after the other. A follower that does not come to rest within its bound is reported and no longer waited for.
 */
export interface Move {
  /** Policy time at the end, ms. */
  readonly now: number;
  readonly advancedMs: number;
  readonly steps: number;
  /** Followers that had not come to rest when the time to wait for them was over. */
  readonly late: readonly string[];
}

/** Wall time that one step waits for the followers. */
const longestWaitMs = 30_000;
/** So many steps go exactly from due time to due time: more than a mailbox sends in a day. */
const exactSteps = 20_000;
/** After them, steps are at least this share of the way, so that one who always has something due cannot keep the clock from the end. */
const shareAfter = 2000;
/** How often the time reached is written down while a move lasts, ms of wall time. */
const keepEveryMs = 1000;

export class SandboxClock implements Clock, Disposable {
  readonly #clock = new PolicyClock();
  readonly #followers: Followers;
  readonly #changed: (offsetMs: number) => void;
  readonly #maxWaitMs: number;
  #offsetMs: number;
  #keptAt = -Infinity;
  #last: Promise<unknown> = Promise.resolve();

  /** @param changed told of the new offset now and then and at the end of a move, to keep it over a restart. */
  constructor(followers: Followers, offsetMs: number, changed: (offsetMs: number) => void, maxWaitMs = longestWaitMs) {
    this.#maxWaitMs = maxWaitMs;
    this.#followers = followers;
    this.#changed = changed;
    this.#offsetMs = offsetMs;
    if (offsetMs !== 0) this.#clock.set(Date.now() + offsetMs);
    followers.tell(offsetMs);
  }

  now(): number {
    return this.#clock.now();
  }

  at(at: number, fire: () => void): Disposable {
    return this.#clock.at(at, fire);
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** Moves by `ms`, forward. */
  advance(ms: number, signal: AbortSignal): Promise<Move> {
    return this.#inTurn(() => {
      const start = this.now();
      return this.#move(start, start + ms, signal);
    });
  }

  /** Moves to a point in time; null when that would be going back. */
  moveTo(now: number, signal: AbortSignal): Promise<Move | null> {
    return this.#inTurn(async () => {
      const start = this.now();
      return now < start ? null : await this.#move(start, now, signal);
    });
  }

  /** Back to the beginning: a point in time, or wall time. Nothing is run. */
  reset(startAt: number | null): Promise<void> {
    return this.#inTurn(async () => {
      if (startAt === null) this.#clock.reset();
      else this.#clock.set(startAt);
      this.#tell(startAt === null ? 0 : startAt - Date.now());
      this.#keep();
    });
  }

  [Symbol.dispose](): void {
    this.#clock[Symbol.dispose]();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #move(start: number, final: number, signal: AbortSignal): Promise<Move> {
    const late = new Set<string>();
    let steps = 0;
    try {
      // A roll call first: since its last acknowledgement a follower may have got work that falls due sooner than it said then.
      this.#followers.tell(this.#offsetMs);
      await this.#settle(late, signal);
      for (;;) {
        signal.throwIfAborted();
        const now = this.now();
        const shortest = steps < exactSteps ? 0 : (final - start) / shareAfter;
        const due = Math.min(this.#clock.nextDue() ?? Infinity, this.#followers.nextDue(late) ?? Infinity);
        // Time runs on while the steps are taken: never back, however little.
        const target = Math.max(now, Math.min(final, Math.max(due, now + shortest)));
        this.#clock.set(target);
        this.#tell(target - Date.now());
        if (performance.now() - this.#keptAt >= keepEveryMs) this.#keep();
        steps++;
        await this.#settle(late, signal);
        if (target >= final) break;
      }
    } finally {
      this.#keep();
    }
    return { now: this.now(), advancedMs: final - start, steps, late: [...late] };
  }

  #tell(offsetMs: number): void {
    this.#offsetMs = offsetMs;
    this.#followers.tell(offsetMs);
  }

  #keep(): void {
    this.#keptAt = performance.now();
    this.#changed(this.#offsetMs);
  }

  /** Until nothing that is due by now is left, here and there. */
  async #settle(late: Set<string>, signal: AbortSignal): Promise<void> {
    for (;;) {
      while ((this.#clock.nextDue() ?? Infinity) <= this.now()) await turn(undefined, { signal });
      await this.#followers.atRest(late, this.#maxWaitMs, signal);
      if ((this.#clock.nextDue() ?? Infinity) > this.now()) return;
    }
  }
}
