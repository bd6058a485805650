/**
 * How the mail of each From domain fared by each route, day by day for 90 days: relayed, refused for good, returned later, complained of, and when the
 * domain was first used there. A raised quota is granted on such figures (services/acs-smtp.ts), and a new domain is one that is watched.
 * Days are numbers: days since 1970, UTC. No I/O; memory is bounded: beyond so many pairs, new ones are counted together.
 */
export class Reputation {
  readonly #pairs = new Map<string, Pair>();
  readonly #bulkSince = new Map<string, number>();
  /** Something was counted since the last `dump`. */
  isChanged = false;

  constructor(dump: ReputationDump | null = null) {
    for (const { domain, route, firstUse, days } of dump?.pairs ?? []) {
      const pair = this.#pair(domain, route, firstUse);
      for (const [day, ...tally] of days) pair.set(day, tally);
    }
    for (const { rule, domain, day } of dump?.bulkSenders ?? []) this.#bulkSince.set(`${rule}\n${domain}`, day);
    this.isChanged = false;
  }

  /** @param domain of From, lower case */
  count(domain: string, route: string, day: number, what: ReputationEvent): void {
    this.#pair(domain, route, day).add(day, what);
    this.isChanged = true;
  }

  /** A threshold that makes a bulk sender was reached: for good. */
  becameBulk(rule: string, domain: string, day: number): void {
    const key = `${rule}\n${domain}`;
    if (this.#bulkSince.has(key) || this.#bulkSince.size >= maxBulkSenders) return;
    this.#bulkSince.set(key, day);
    this.isChanged = true;
  }

  /** Since when; null: it is none yet. */
  bulkSince(rule: string, domain: string): number | null {
    return this.#bulkSince.get(`${rule}\n${domain}`) ?? null;
  }

  /** The last `days` days, `today` included; the pair with the most mail first. What was not used in them is left out. */
  figures(today: number, days = keptDays): readonly ReputationFigures[] {
    const figures: ReputationFigures[] = [];
    for (const pair of this.#pairs.values()) {
      const { domain, route, firstUse } = pair;
      const [relayed, failed, returned, complaints] = pair.sum(today, days);
      const tried = relayed + failed;
      if (tried + returned + complaints === 0) continue;
      const failureRate = tried === 0 ? 0 : (failed + returned) / tried;
      const complaintRate = relayed === 0 ? 0 : complaints / relayed;
      figures.push({ domain, route, firstUse, relayed, failed, returned, complaints, failureRate, complaintRate });
    }
    return figures.toSorted((one, other) => other.relayed + other.failed - (one.relayed + one.failed));
  }

  /** What the constructor takes; what is older than 90 days is forgotten. */
  dump(today: number): ReputationDump {
    this.isChanged = false;
    const pairs = [];
    for (const [key, pair] of this.#pairs) {
      const days = pair.days(today);
      if (days.length === 0) this.#pairs.delete(key);
      else pairs.push({ domain: pair.domain, route: pair.route, firstUse: pair.firstUse, days });
    }
    const bulkSenders = [...this.#bulkSince].map(([key, day]) => {
      const [rule = "", domain = ""] = key.split("\n");
      return { rule, domain, day };
    });
    return { pairs, bulkSenders };
  }

  #pair(domain: string, route: string, day: number): Pair {
    const key = `${domain}\n${route}`;
    const known = this.#pairs.get(key);
    if (known !== undefined) return known;
    if (this.#pairs.size >= maxPairs && domain !== theOthers) return this.#pair(theOthers, route, day);
    const pair = new Pair(domain, route, day);
    this.#pairs.set(key, pair);
    return pair;
  }
}

/** returned: it failed after it was relayed. */
export type ReputationEvent = "relayed" | "failed" | "returned" | "complaint";

export interface ReputationFigures {
  /** `*`: domains beyond those that are counted apart. */
  readonly domain: string;
  readonly route: string;
  /** Day. */
  readonly firstUse: number;
  /** Recipients. */
  readonly relayed: number;
  readonly failed: number;
  readonly returned: number;
  readonly complaints: number;
  /** Failed and returned, of what was relayed or failed; more than 1 when older mail returns. */
  readonly failureRate: number;
  /** Of what was relayed; more than 1 when older mail is complained of. */
  readonly complaintRate: number;
}

export interface ReputationDump {
  readonly pairs: readonly {
    readonly domain: string;
    readonly route: string;
    readonly firstUse: number;
    readonly days: readonly (readonly [day: number, ...tally: Tally])[];
  }[];
  readonly bulkSenders: readonly { readonly rule: string; readonly domain: string; readonly day: number }[];
}

const keptDays = 90;
/** About 3 MB. */
const maxPairs = 2000;
const maxBulkSenders = 2000;
/** Stands for the domains that are not counted apart. */
const theOthers = "*";

const columns = { relayed: 0, failed: 1, returned: 2, complaint: 3 } as const;
const width = 4;
type Tally = readonly [relayed: number, failed: number, returned: number, complaints: number];

/** A ring of 90 days. */
class Pair {
  readonly domain: string;
  readonly route: string;
  firstUse: number;
  #last: number;
  readonly #ring = new Uint32Array(keptDays * width);

  constructor(domain: string, route: string, day: number) {
    this.domain = domain;
    this.route = route;
    this.firstUse = day;
    this.#last = day;
  }

  add(day: number, what: ReputationEvent): void {
    const at = this.#at(day);
    if (at !== null) this.#ring[at + columns[what]] = (this.#ring[at + columns[what]] as number) + 1;
  }

  set(day: number, tally: Tally): void {
    const at = this.#at(day);
    if (at !== null) this.#ring.set(tally, at);
  }

  sum(today: number, days: number): Tally {
    let [relayed, failed, returned, complaints] = [0, 0, 0, 0];
    for (const [day, ...tally] of this.days(today)) {
      if (day <= today - days) continue;
      relayed += tally[0];
      failed += tally[1];
      returned += tally[2];
      complaints += tally[3];
    }
    return [relayed, failed, returned, complaints];
  }

  /** With anything in them, the oldest first. */
  days(today: number): (readonly [day: number, ...tally: Tally])[] {
    const days: (readonly [number, ...Tally])[] = [];
    for (let day = Math.max(today, this.#last) - keptDays + 1; day <= this.#last; day++) {
      const [relayed = 0, failed = 0, returned = 0, complaints = 0] = this.#ring.subarray(
        (day % keptDays) * width,
        (day % keptDays) * width + width,
      );
      if (relayed + failed + returned + complaints > 0) days.push([day, relayed, failed, returned, complaints]);
    }
    return days;
  }

  /** Where a day is; null: before the ring. */
  #at(day: number): number | null {
    if (day <= this.#last - keptDays) return null;
    this.firstUse = Math.min(this.firstUse, day);
    for (let next = Math.max(this.#last + 1, day - keptDays + 1); next <= day; next++)
      this.#ring.fill(0, (next % keptDays) * width, (next % keptDays) * width + width);
    this.#last = Math.max(this.#last, day);
    return (day % keptDays) * width;
  }
}
