import type { Clock } from "../lib/clock.ts";
import type { SteadyClock } from "../lib/steady-clock.ts";

class Timer implements Disposable {
  readonly at: number;
  /** Of two that are due at once, the earlier one fires first. */
  readonly order: number;
  fire: (() => void) | null;

  constructor(at: number, order: number, fire: () => void) {
    this.at = at;
    this.order = order;
    this.fire = fire;
  }

  /** It stays in the heap until its time; what it would do is let go. */
  [Symbol.dispose](): void {
    this.fire = null;
  }
}

/** A clock that stands still but for its timers: time is that of the timer that fires. For simulations; nothing here waits. */
export class VirtualClock implements Clock, SteadyClock {
  readonly boot = "";
  #now: number;
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #timers: Timer[] = [];

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  steady(): number {
    return this.#now;
  }

  at(at: number, fire: () => void): Disposable {
    const timer = new Timer(Math.max(at, this.#now), this.#order++, fire);
    this.#push(timer);
    return timer;
  }

  /** Fires the next timer; false: there is none until then, and time is `until`. */
  step(until: number): boolean {
    for (;;) {
      const timer = this.#timers[0];
      if (timer === undefined || timer.at > until) {
        this.#now = Math.max(this.#now, until);
        return false;
      }
      this.#shift();
      const { fire } = timer;
      if (fire === null) continue;
      this.#now = timer.at;
      fire();
      return true;
    }
  }

  #push(timer: Timer): void {
    const timers = this.#timers;
    let i = timers.length;
    timers.push(timer);
    while (i > 0) {
      const above = (i - 1) >> 1;
      const other = timers[above] as Timer;
      if (isBefore(other, timer)) break;
      timers[i] = other;
      i = above;
    }
    timers[i] = timer;
  }

  #shift(): void {
    const timers = this.#timers;
    const last = timers.pop() as Timer;
    const count = timers.length;
    if (count === 0) return;
    let i = 0;
    for (let below = 1; below < count; below = 2 * i + 1) {
      if (below + 1 < count && isBefore(timers[below + 1] as Timer, timers[below] as Timer)) below++;
      const other = timers[below] as Timer;
      if (isBefore(last, other)) break;
      timers[i] = other;
      i = below;
    }
    timers[i] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
