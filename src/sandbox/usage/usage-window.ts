/**
 * A sliding window, brute force: every use is kept with its moment until it has left, and all are looked at when somebody asks. A use at `t`
 * counts from `t` until before `t + ms`.
 *
 * Moments are of the policy clock and need not come in order: a message may be counted some seconds after it was taken (usage.ts). So a new
 * use fits only when every window that it would stand in stays within the limit, those that end with a later use, too.
 */
export interface WindowAbout {
  /** As the listing calls the service: `smtp-auth`. */
  readonly service: string;
  /** `recipients`, `messages`. */
  readonly what: string;
  /** Infinity: it never leaves. */
  readonly ms: number;
  /** What holds at a moment; null or Infinity: counted only. */
  readonly limit?: (now: number, account: string) => number | null;
  /** Accounts that are kept at a time, those used longest ago go first; absent: all (where they are the tenant's own). */
  readonly maxAccounts?: number;
}

/** Uses of one account that are kept: twice its limit, at least so many. An end for who is refused all day long. */
const leastUses = 20_000;
/** How far moments may be out of order: what has left the window for so long is forgotten. */
export const maxLateMs = 60_000;

interface Use {
  readonly at: number;
  readonly units: number;
  /** By another sender than ours. */
  readonly foreign: boolean;
}

/** What another sender takes: one unit after the other, evenly, as long as there is room. */
interface ForeignUse {
  readonly stepMs: number;
  readonly until: number;
  next: number;
}

export class UsageWindow {
  readonly about: WindowAbout;
  readonly #uses = new Map<string, Use[]>();
  readonly #foreign = new Map<string, ForeignUse[]>();

  constructor(about: WindowAbout) {
    this.about = about;
  }

  limitAt(now: number, account: string): number | null {
    const limit = this.about.limit?.(now, account) ?? Infinity;
    return Number.isFinite(limit) ? limit : null;
  }

  /** Whether so many units more at `at` leave every window within the limit. */
  fits(account: string, units: number, at: number): boolean {
    this.#catchUp(account, at);
    return this.#fits(account, units, at);
  }

  add(account: string, units: number, at: number): void {
    this.#catchUp(account, at);
    this.#add(account, { at, units, foreign: false });
  }

  /** What counts at a moment, and what was taken already and will count soon. */
  used(account: string, now: number): number {
    this.#catchUp(account, now);
    return this.#sum(account, now, Infinity);
  }

  /** Another sender takes as much as there is room for, at once. @returns how much that was */
  takeForeign(account: string, units: number, now: number): number {
    const room = (this.limitAt(now, account) ?? Infinity) - this.used(account, now);
    const taken = Math.max(0, Math.min(units, room));
    if (taken > 0) this.#add(account, { at: now, units: taken, foreign: true });
    return taken;
  }

  /** Another sender takes `perHour` units an hour, one by one, from `from` until before `until`. */
  takeForeignEvenly(account: string, perHour: number, from: number, until: number): void {
    const list = this.#foreign.get(account) ?? [];
    list.push({ stepMs: 3_600_000 / perHour, next: from, until });
    this.#foreign.set(account, list);
  }

  lines(now: number): readonly UsageLine[] {
    const { service, what, ms } = this.about;
    for (const account of this.#foreign.keys()) this.#catchUp(account, now);
    return [...this.#uses.keys()]
      .map((account) => ({
        service,
        what,
        account,
        used: this.#sum(account, now, Infinity),
        foreign: (this.#uses.get(account) ?? []).reduce((sum, use) => sum + (use.foreign && now < use.at + ms ? use.units : 0), 0),
        limit: this.limitAt(now, account),
        window: Number.isFinite(ms) ? ms / 1000 : null,
      }))
      .filter(({ used }) => used > 0);
  }

  clear(): void {
    this.#uses.clear();
    this.#foreign.clear();
  }

  #fits(account: string, units: number, at: number): boolean {
    const { ms } = this.about;
    const limit = this.limitAt(at, account);
    if (limit === null) return true;
    if (this.#sum(account, at, at) + units > limit) return false;
    return (this.#uses.get(account) ?? []).every(
      (later) => later.at <= at || at <= later.at - ms || this.#sum(account, later.at, later.at) + units <= limit,
    );
  }

  /** Of those that count at `now` the ones from up to `last`. */
  #sum(account: string, now: number, last: number): number {
    const { ms } = this.about;
    let sum = 0;
    for (const { at, units } of this.#uses.get(account) ?? []) if (now < at + ms && at <= last) sum += units;
    return sum;
  }

  #add(account: string, use: Use): void {
    const { ms, maxAccounts = Infinity } = this.about;
    const uses = this.#uses.get(account) ?? [];
    if (maxAccounts < Infinity) this.#uses.delete(account);
    this.#uses.set(account, uses);
    // What never leaves the window is one sum.
    const sum = ms === Infinity ? uses.pop() : undefined;
    uses.push({ ...use, units: use.units + (sum?.units ?? 0) });
    if (uses.length % 1024 === 0) this.#uses.set(account, this.#kept(account, uses, use.at));
    if (this.#uses.size <= maxAccounts) return;
    const [oldest] = this.#uses.keys();
    if (oldest !== undefined) this.#uses.delete(oldest);
  }

  #kept(account: string, uses: readonly Use[], now: number): Use[] {
    const live = uses.filter(({ at }) => now < at + this.about.ms + maxLateMs);
    return live.slice(Math.max(0, live.length - Math.max(leastUses, 2 * (this.limitAt(now, account) ?? 0))));
  }

  /** Writes down what the other senders have taken up to now. */
  #catchUp(account: string, now: number): void {
    const list = this.#foreign.get(account);
    if (list === undefined) return;
    const { ms } = this.about;
    for (const foreign of list) {
      // What has left the window already is not worth writing down.
      if (foreign.next <= now - ms) foreign.next += Math.ceil((now - ms - foreign.next) / foreign.stepMs) * foreign.stepMs;
      while (foreign.next <= now && foreign.next < foreign.until) {
        if (this.#fits(account, 1, foreign.next)) {
          this.#add(account, { at: foreign.next, units: 1, foreign: true });
          foreign.next += foreign.stepMs;
          continue;
        }
        // Full: it asks again when the oldest has left.
        const oldest = (this.#uses.get(account) ?? []).reduce(
          (least, { at }) => (at + ms > foreign.next ? Math.min(least, at) : least),
          Infinity,
        );
        const steps = Math.max(1, Math.ceil((oldest + ms - foreign.next) / foreign.stepMs));
        foreign.next += Number.isFinite(steps) ? steps * foreign.stepMs : Infinity;
      }
    }
    const going = list.filter(({ next, until }) => next < until);
    if (going.length > 0) this.#foreign.set(account, going);
    else this.#foreign.delete(account);
  }
}

export interface UsageLine {
  readonly service: string;
  readonly what: string;
  /** Mailbox, HVE account, subscription, key, tenant. */
  readonly account: string;
  readonly used: number;
  /** Of them by other senders (POST /api/usage). */
  readonly foreign: number;
  /** null: counted only. */
  readonly limit: number | null;
  /** Seconds; null: what is held just now. */
  readonly window: number | null;
}
