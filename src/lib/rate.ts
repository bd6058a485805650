/**
 * A token bucket: `amount` at once, refilled evenly over `perMs`.
 *
 * Holds two numbers and no timer. Time comes in as an argument and may be moved back (the sandbox's clock), which refills nothing.
 */
export class TokenBucket {
  readonly amount: number;
  readonly perMs: number;
  #tokens: number;
  #at: number;

  constructor(amount: number, perMs: number, now: number) {
    this.amount = amount;
    this.perMs = perMs;
    this.#tokens = amount;
    this.#at = now;
  }

  /** Takes `count` tokens; 0 when they were there, else the ms to wait until they are (nothing is taken). */
  take(now: number, count = 1): number {
    const waitMs = this.wait(now, count);
    if (waitMs === 0) this.#tokens -= count;
    return waitMs;
  }

  /** The ms until `count` tokens are there; takes nothing. */
  wait(now: number, count = 1): number {
    this.#refill(now);
    return this.#tokens >= count ? 0 : Math.ceil(((count - this.#tokens) * this.perMs) / this.amount);
  }

  /** Tokens that are gone, in whole ones. */
  used(now: number): number {
    this.#refill(now);
    return Math.ceil(this.amount - this.#tokens);
  }

  /** Gives back what was taken and not used. */
  giveBack(count = 1): void {
    this.#tokens = Math.min(this.amount, this.#tokens + count);
  }

  #refill(now: number): void {
    const passed = now - this.#at;
    if (passed > 0) this.#tokens = Math.min(this.amount, this.#tokens + (passed * this.amount) / this.perMs);
    this.#at = now;
  }
}
