import { Pace } from "./pace.ts";

/**
 * What accounts have used up of the published limits, for all rooms.
 *
 * Counting is brute force on purpose: every use is kept with its moment until it has left the window, and summed up when asked, so that it can
 * be held against the cleverer counting of whoever is tested. Moments are of the policy clock. POST /api/reset clears it.
 */
export class Usage {
  readonly #windows: UsageWindow[] = [];
  readonly #slots: UsageSlots[] = [];
  readonly #paces: Pace[] = [];

  /** A sliding window: uses count for `ms` after their moment. */
  window(service: string, what: string, ms: number, limit: number | null = null): UsageWindow {
    const window = new UsageWindow(service, what, ms, limit);
    this.#windows.push(window);
    return window;
  }

  /** What is held at the same time, such as connections. Survives a reset: who is there stays there. */
  slots(service: string, what: string, limit: number): UsageSlots {
    const slots = new UsageSlots(service, what, limit);
    this.#slots.push(slots);
    return slots;
  }

  /** A rate that delays. */
  pace(most: number, ms: number): Pace {
    const pace = new Pace(most, ms);
    this.#paces.push(pace);
    return pace;
  }

  list(now: number): readonly UsageLine[] {
    return [...this.#windows.flatMap((window) => window.lines(now)), ...this.#slots.flatMap((slots) => slots.lines())];
  }

  clear(): void {
    for (const each of [...this.#windows, ...this.#paces]) each.clear();
  }
}

export interface UsageLine {
  readonly service: string;
  readonly what: string;
  /** Mailbox, HVE account, subscription, key. */
  readonly account: string;
  readonly used: number;
  /** null: counted only. */
  readonly limit: number | null;
  /** Seconds; null: what is held just now. */
  readonly window: number | null;
}

/** Uses of one account that are kept: more than any limit that is counted here, and an end for who is refused all day long. */
const maxUses = 20_000;

interface Use {
  readonly at: number;
  readonly units: number;
}

export class UsageWindow {
  readonly ms: number;
  readonly limit: number | null;
  readonly #service: string;
  readonly #what: string;
  readonly #uses = new Map<string, Use[]>();

  constructor(service: string, what: string, ms: number, limit: number | null) {
    this.#service = service;
    this.#what = what;
    this.ms = ms;
    this.limit = limit;
  }

  add(account: string, units: number, now: number): void {
    const uses = this.#uses.get(account) ?? [];
    this.#uses.set(account, uses);
    // What never leaves the window is one sum.
    const sum = this.ms === Infinity ? uses.pop() : undefined;
    uses.push({ at: now, units: units + (sum?.units ?? 0) });
    // The policy clock goes forward, so the oldest stand in front.
    if (uses.length > 2 * maxUses || (uses.length % 1024 === 0 && uses.length > 0)) {
      const gone = uses.findIndex(({ at }) => now < at + this.ms);
      uses.splice(0, Math.max(gone, uses.length - maxUses, 0));
    }
  }

  /** A use at `t` counts until before `t + ms`. */
  used(account: string, now: number): number {
    return this.#live(account, now).reduce((sum, { units }) => sum + units, 0);
  }

  lines(now: number): readonly UsageLine[] {
    return [...this.#uses.keys()]
      .map((account) => ({
        service: this.#service,
        what: this.#what,
        account,
        used: this.used(account, now),
        limit: this.limit,
        window: Number.isFinite(this.ms) ? this.ms / 1000 : null,
      }))
      .filter(({ used }) => used > 0);
  }

  clear(): void {
    this.#uses.clear();
  }

  #live(account: string, now: number): readonly Use[] {
    return (this.#uses.get(account) ?? []).filter(({ at }) => now < at + this.ms);
  }
}

export class UsageSlots {
  readonly limit: number;
  readonly #service: string;
  readonly #what: string;
  readonly #held = new Map<string, number>();

  constructor(service: string, what: string, limit: number) {
    this.#service = service;
    this.#what = what;
    this.limit = limit;
  }

  /** Takes one if there is one; who got true gives it back once. */
  take(account: string): boolean {
    const held = this.#held.get(account) ?? 0;
    if (held >= this.limit) return false;
    this.#held.set(account, held + 1);
    return true;
  }

  giveBack(account: string): void {
    const held = (this.#held.get(account) ?? 0) - 1;
    if (held > 0) this.#held.set(account, held);
    else this.#held.delete(account);
  }

  lines(): readonly UsageLine[] {
    const { limit } = this;
    return [...this.#held].map(([account, used]) => ({ service: this.#service, what: this.#what, account, used, limit, window: null }));
  }
}
