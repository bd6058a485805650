/**
 * A rate that delays instead of refusing: at most `most` in any `ms`; the surplus is carried into the time after. Brute force, like
 * usage-window.ts: every moment given is kept while it matters.
 */
export class Pace {
  readonly most: (now: number) => number;
  readonly #ms: number;
  readonly #given = new Map<string, number[]>();

  constructor(most: (now: number) => number, ms: number) {
    this.most = most;
    this.#ms = ms;
  }

  /** The moment at which the next one of this account goes on: now, or later. */
  next(account: string, now: number): number {
    const given = (this.#given.get(account) ?? []).filter((at) => at > now - this.#ms);
    const most = this.most(now);
    const before = Number.isFinite(most) ? given.at(-most) : undefined;
    const at = before === undefined ? now : Math.max(now, before + this.#ms);
    this.#given.set(account, [...given, at]);
    return at;
  }

  clear(): void {
    this.#given.clear();
  }
}
