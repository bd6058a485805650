/**
 * Time, as an argument.
 *
 * Two clocks (docs/glossary.md): the *policy clock* rules everything that is dated or waits (retries, lifetimes, windows, leases, dated
 * rules) and can be moved in the sandbox; *wall time* stays for sockets, TLS, token life. This is the policy clock's port. Code that waits
 * for the network uses plain timers.
 */
export interface Clock {
  /** Milliseconds since 1970, policy time. */
  now(): number;
  /**
   * Runs `fire` once, when policy time reaches `at` (at once, but never within this call, when it has).
   * Dispose to cancel. Timers that fall due in one move of the clock run in the order of their times.
   */
  at(at: number, fire: () => void): Disposable;
}

/** Longest delay that setTimeout takes. */
const maxDelayMs = 2 ** 31 - 1;

interface Timer extends Disposable {
  readonly at: number;
  readonly fire: () => void;
}

/**
 * The policy clock: wall time plus an offset, which is 0 except in the demo and the sandbox.
 *
 * Waiters are kept in one sorted list; there are few of them (the queue keeps one, each route a few), so a heap would gain nothing.
 */
export class PolicyClock implements Clock, Disposable {
  #offset = 0;
  #timers: Timer[] = [];
  #handle: NodeJS.Timeout | undefined;
  /** What is due already: a timeout would take a millisecond, which a clock that goes from due time to due time pays ten thousand times a day. */
  #soon: NodeJS.Immediate | undefined;

  now(): number {
    return Date.now() + this.#offset;
  }

  /** ms ahead of wall time. */
  get offset(): number {
    return this.#offset;
  }

  at(at: number, fire: () => void): Disposable {
    const timer: Timer = { at, fire, [Symbol.dispose]: () => this.#remove(timer) };
    let index = this.#timers.length;
    while (index > 0 && (this.#timers[index - 1] as Timer).at > at) index--;
    this.#timers.splice(index, 0, timer);
    if (index === 0) this.#arm();
    return timer;
  }

  /** When the earliest waiter falls due; null when nobody waits. */
  nextDue(): number | null {
    return this.#timers[0]?.at ?? null;
  }

  /** Sets policy time; what falls due runs in later turns of the event loop, in order. */
  set(now: number): void {
    this.#offset = now - Date.now();
    this.#arm();
  }

  /** Back to wall time. */
  reset(): void {
    this.#offset = 0;
    this.#arm();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#handle);
    clearImmediate(this.#soon);
    this.#timers = [];
  }

  #remove(timer: Timer): void {
    const index = this.#timers.indexOf(timer);
    if (index < 0) return;
    this.#timers.splice(index, 1);
    if (index === 0) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#handle);
    clearImmediate(this.#soon);
    this.#handle = undefined;
    this.#soon = undefined;
    const first = this.#timers[0];
    if (first === undefined) return;
    const delayMs = first.at - this.now();
    if (delayMs <= 0) this.#soon = setImmediate(() => this.#run());
    else this.#handle = setTimeout(() => this.#run(), Math.min(delayMs, maxDelayMs));
  }

  #run(): void {
    const now = this.now();
    for (let first = this.#timers[0]; first !== undefined && first.at <= now; first = this.#timers[0]) {
      this.#timers.shift();
      first.fire();
    }
    this.#arm();
  }
}
