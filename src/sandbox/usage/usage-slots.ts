import type { UsageLine } from "./usage-window.ts";

/** What is held at the same time, such as connections. */
export class UsageSlots {
  readonly #service: string;
  readonly #what: string;
  readonly #limit: (now: number) => number;
  readonly #held = new Map<string, number>();

  constructor(service: string, what: string, limit: (now: number) => number) {
    this.#service = service;
    this.#what = what;
    this.#limit = limit;
  }

  /** Takes one if there is one; who got true gives it back once. */
  take(account: string, now: number): boolean {
    const held = this.#held.get(account) ?? 0;
    if (held >= this.#limit(now)) return false;
    this.#held.set(account, held + 1);
    return true;
  }

  giveBack(account: string): void {
    const held = (this.#held.get(account) ?? 0) - 1;
    if (held > 0) this.#held.set(account, held);
    else this.#held.delete(account);
  }

  held(account: string): number {
    return this.#held.get(account) ?? 0;
  }

  limitAt(now: number): number {
    return this.#limit(now);
  }

  get name(): { readonly service: string; readonly what: string } {
    return { service: this.#service, what: this.#what };
  }

  lines(now: number): readonly UsageLine[] {
    const limit = this.#limit(now);
    return [...this.#held].map(([account, used]) => ({
      service: this.#service,
      what: this.#what,
      account,
      used,
      foreign: 0,
      limit: Number.isFinite(limit) ? limit : null,
      window: null,
    }));
  }
}
