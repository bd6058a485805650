import type { RuleInForce } from "./rule-in-force.ts";
import { Strain, type StrainState } from "./strain.ts";
import type { Cover } from "./cover.ts";
import { TopPrincipals } from "./top-principals.ts";

/** Numbers of an entry: when it expires; units and, `packing` times as much, how many of them are bulk. */
const stride = 2;
const packing = 2 ** 26;
/** Waiting for units that are under way: nobody knows when they settle, so ask again soon. */
const heldWaitMs = 1000;
/** What does not fit asks again, for the limit may be another by then; not before. */
const neverWaitMs = 60_000;

/** An account at a moment, as data that may go to another thread. */
export interface CounterState {
  readonly settled: readonly [all: number, bulk: number];
  readonly tat: number;
  readonly entries: readonly number[];
  /** null: nothing is out of the ordinary. */
  readonly strain: StrainState | null;
}

/**
 * One account: so much of a rule's unit in any trailing window, for one combination of what the rule counts apart.
 *
 * A unit is `held` from its reservation, then in `entries` from its settlement until one window after the end of the slice in which it
 * settled. Entries are sorted by expiry; those of one slice are one. A rule of the form "so many at a time" has held units only.
 *
 * Pace (where the rule has one): `tat`, the theoretical arrival time of the generic cell rate algorithm, which is a bucket of `burst` units
 * that refills evenly, in one number. Whatever is out of the ordinary is in `strain`, null as a rule.
 */
export class Counter {
  readonly rule: RuleInForce;
  /** `mailbox scanner@contoso.example`; then what else it is counted apart for, empty where nothing is. */
  readonly party: string;
  readonly key: string;
  readonly recipient: string;
  held = 0;
  heldBulk = 0;
  settled = 0;
  settledBulk = 0;
  nextExpiry = Infinity;
  tat = 0;
  /** Use from which somebody is to be told. */
  alarmAt: number;
  alarmLevel = 0;
  /** The most that was used at a time since a sample was taken (usage.ts), as far as some of it has expired. */
  peak = 0;
  /** Somebody waits for held units to be freed. */
  isAwaited = false;
  strain: Strain | null = null;
  cover: Cover | null = null;
  top: TopPrincipals | null = null;
  /** Number of the mark that tells of other senders' use; 0: none. */
  foreignMark = 0;
  #entries: number[] = [];
  #head = 0;

  constructor(rule: RuleInForce, party: string, key: string, recipient: string) {
    this.rule = rule;
    this.party = party;
    this.key = key;
    this.recipient = recipient;
    this.alarmAt = Math.ceil(rule.rule.amount * alarmShares[0]);
  }

  /** For people. */
  get counted(): string {
    return `${this.party}${this.key === "" ? "" : ` from ${this.key}`}${this.recipient === "" ? "" : ` to ${this.recipient}`}`;
  }

  /** Of its marks in the journal. */
  get journalKey(): string {
    return JSON.stringify([this.rule.rule.id, this.party, this.key, this.recipient]);
  }

  get used(): number {
    return this.settled + this.held;
  }

  isEmpty(now: number): boolean {
    if (now >= this.nextExpiry) this.expire(now);
    return this.used === 0 && this.tat <= now && (this.strain === null || this.strain.isOver(now));
  }

  /** Whether `units` may be taken now. */
  fits(units: number, isBulk: boolean, now: number): boolean {
    if (now >= this.nextExpiry) this.expire(now);
    const { rule } = this;
    if (!rule.holds) return true;
    if (this.strain !== null && !this.#strained(this.strain, units, isBulk, now)) return false;
    const used = this.settled + this.held + units;
    if (used > rule.capBulk && (used > rule.capTransactional || (isBulk && used > this.capOf(true, now)))) return false;
    return !rule.isPaced || this.tat - Math.max(0, (isBulk ? rule.burstBulkMs : rule.burstMs) - units * rule.msPerUnit) <= now;
  }

  take(units: number, isBulk: boolean, now: number): void {
    this.held += units;
    if (isBulk) this.heldBulk += units;
    const { rule } = this;
    if (rule.isPaced) this.tat = (this.tat > now ? this.tat : now) + units * rule.msPerUnit;
    if (this.strain !== null && isBulk) this.strain.servedBulk(units, now, rule);
  }

  /** Ends what `take` began; `kept` of the units count for a window from now. */
  settle(units: number, kept: number, isBulk: boolean, now: number): void {
    this.held -= units;
    if (isBulk) this.heldBulk -= units;
    const { rule } = this;
    if (kept < units && rule.isPaced) this.tat -= (units - kept) * rule.msPerUnit;
    if (kept > 0 && rule.windowMs > 0) this.add(rule.expiryOf(now), kept, isBulk ? kept : 0);
  }

  usedBy(principal: string, units: number, now: number): void {
    if (this.rule.windowMs > 0) (this.top ??= new TopPrincipals()).add(principal, units, now, this.rule.windowMs);
  }

  /** Counts units until `expiresAt`; not before the last entry's. */
  add(expiresAt: number, units: number, bulk: number): void {
    // What does not fit into one entry (bytes of large mail) goes into several.
    for (let rest = units; rest > 0; rest -= packing - 1) {
      const part = Math.min(rest, packing - 1);
      this.#append(expiresAt, part, Math.min(bulk, part));
      bulk -= Math.min(bulk, part);
    }
  }

  /** Counts what may have been forgotten by a crash. */
  assume(): void {
    const { assumed, assumedUntil } = this.rule;
    if (assumed > 0) this.add(assumedUntil, assumed, 0);
  }

  expire(now: number): void {
    this.peak = Math.max(this.peak, this.used);
    const entries = this.#entries;
    let head = this.#head;
    let gone = 0;
    const first = head;
    while (head < entries.length && (entries[head] as number) <= now) {
      const packed = entries[head + 1] as number;
      const bulk = Math.floor(packed / packing);
      gone += packed - bulk * packing;
      this.settledBulk -= bulk;
      head += stride;
    }
    this.settled -= gone;
    this.strain?.expired(gone, (head - first) / stride);
    this.nextExpiry = entries[head] ?? Infinity;
    // Compact when a quarter is dead, so that each entry is moved three times on average.
    if (head === entries.length) {
      this.#entries = [];
      head = 0;
    } else if (head > 8 && head * 4 > entries.length) {
      this.#entries = entries.slice(head);
      head = 0;
    }
    this.#head = head;
  }

  /**
   * What is left for mail of a priority when other senders, and bulk mail that waits, are seen to. What only transactional mail may use is
   * open to bulk mail as long as that has not had its share; else a unit would be left that neither may take.
   */
  capOf(isBulk: boolean, now: number): number {
    const { rule, strain } = this;
    const foreign = strain === null ? 0 : Math.max(0, Math.ceil(strain.foreignAt(now)) - rule.others);
    const owed = rule.bulkGuarantee - this.settledBulk - this.heldBulk;
    if (isBulk) return (owed > 0 ? rule.capTransactional : rule.capBulk) - foreign;
    return rule.capTransactional - foreign - (owed > 0 && strain?.bulkWaits(now) === true ? owed : 0);
  }

  /** The earliest moment at which `units` may fit, if nothing else is taken meanwhile; not before `now`. */
  earliest(units: number, isBulk: boolean, now: number): number {
    const { rule, strain } = this;
    if (!rule.holds) return now;
    let at = this.#earliestByWindow(units, this.capOf(isBulk, now), now);
    if (strain !== null) {
      // Room that is kept for bulk mail is there for all when bulk mail waits no more.
      if (!isBulk && strain.bulkWaits(now)) {
        const over = strain.bulkWaitsUntil;
        at = Math.min(at, Math.max(over, this.#earliestByWindow(units, this.capOf(isBulk, over), over)));
      }
      at = Math.max(at, strain.opensAt(isBulk, now, rule));
    }
    const burstMs = isBulk ? rule.burstBulkMs : rule.burstMs;
    return Math.max(now, at, this.tat - Math.max(0, burstMs - units * rule.msPerUnit));
  }

  /** As `earliest`, for one of many that each come back by themselves: behind those that were told a time before. `isAgain`: it is one of them. */
  promise(units: number, isBulk: boolean, isAgain: boolean, now: number): number {
    // What is larger than the limit never fits: nobody stands behind it.
    if (units > this.rule.capTransactional) return now + Math.max(this.rule.windowMs, neverWaitMs);
    const strain = this.strained();
    const earliest = this.earliest(units, isBulk, now);
    const missing = Math.max(0, this.settled + this.held + units - this.capOf(isBulk, now));
    const tat = Math.max(this.tat, now);
    const at =
      (isAgain ? strain.promiseAgain(units, (before) => this.#slotAt(units, missing, tat, before, earliest, now), now) : null) ??
      this.#roomAt(strain.promise(units, missing), strain.promisePace(units, tat, this.rule), earliest, now);
    strain.promisedUntil(at);
    return at;
  }

  /** When there is room behind so many other units. `missing`: what must be freed without them. */
  #slotAt(units: number, missing: number, tat: number, before: number, earliest: number, now: number): number {
    const { msPerUnit, burstMs } = this.rule;
    const byPace = msPerUnit === 0 ? 0 : tat + (before + units) * msPerUnit - Math.max(burstMs, units * msPerUnit);
    return this.#roomAt((this.strain as Strain).freed + missing + before, byPace, earliest, now);
  }

  #roomAt(position: number, byPace: number, earliest: number, now: number): number {
    const strain = this.strain as Strain;
    // What other senders used frees itself by and by, too.
    const fadesAt = strain.fadedAt(position - strain.freed, now);
    return Math.max(earliest, Math.min(this.#freedAt(position, now), fadesAt), byPace);
  }

  strained(): Strain {
    return (this.strain ??= new Strain());
  }

  /** When it will have expired: pairs of a time and units, grouped so that there are at most `max`. */
  expiries(max: number): (readonly [at: number, units: number, bulk: number])[] {
    const out: [number, number, number][] = [];
    const each = Math.max(1, Math.ceil((this.#entries.length - this.#head) / stride / max)) * stride;
    for (let i = this.#head; i < this.#entries.length; i += stride) {
      const at = this.#entries[i] as number;
      const units = this.#unitsAt(i);
      const bulk = Math.floor((this.#entries[i + 1] as number) / packing);
      const group = out.at(-1);
      if (group === undefined || (i - this.#head) % each === 0) out.push([at, units, bulk]);
      else {
        group[0] = at;
        group[1] += units;
        group[2] += bulk;
      }
    }
    return out;
  }

  /** What is held counts as settled now. */
  state(now: number): CounterState {
    const copy = new Counter(this.rule, this.party, this.key, this.recipient);
    copy.#entries = this.#entries.slice(this.#head);
    copy.settled = this.settled;
    copy.settledBulk = this.settledBulk;
    if (this.rule.windowMs > 0) copy.add(this.rule.expiryAfter(now), this.held, this.heldBulk);
    return { settled: [copy.settled, copy.settledBulk], tat: this.tat, entries: copy.#entries, strain: this.strain?.state() ?? null };
  }

  /** Goes on from there; before anything else. */
  resume({ settled, tat, entries, strain }: CounterState): void {
    [this.settled, this.settledBulk] = settled;
    this.tat = tat;
    this.#entries = [...entries];
    this.nextExpiry = entries[0] ?? Infinity;
    this.strain = strain === null ? null : Strain.resume(strain);
  }

  #append(expiresAt: number, units: number, bulk: number): void {
    const entries = this.#entries;
    const last = entries.length - stride;
    const packed = units + bulk * packing;
    const isOpen = last >= this.#head && (entries[last] as number) >= expiresAt;
    if (isOpen && (!this.rule.countsBytes || this.#unitsAt(last) + units < packing))
      entries[last + 1] = (entries[last + 1] as number) + packed;
    else {
      const at = isOpen ? (entries[last] as number) : expiresAt;
      if (last < this.#head) this.nextExpiry = at;
      entries.push(at, packed);
    }
    this.settled += units;
    this.settledBulk += bulk;
  }

  #unitsAt(entry: number): number {
    const packed = this.#entries[entry + 1] as number;
    return packed - Math.floor(packed / packing) * packing;
  }

  #strained(strain: Strain, units: number, isBulk: boolean, now: number): boolean {
    if (strain.isOver(now)) {
      this.strain = null;
      return true;
    }
    return this.settled + this.held + units <= this.capOf(isBulk, now) && strain.opensAt(isBulk, now, this.rule) <= now;
  }

  /** The cap may rise as foreign use fades; entries expire in steps. */
  #earliestByWindow(units: number, cap: number, now: number): number {
    const { strain, rule } = this;
    const foreignNow = strain === null ? 0 : Math.max(0, Math.ceil(strain.foreignAt(now)) - rule.others);
    let over = this.settled + this.held + units - cap;
    if (over <= 0) return now;
    let from = now;
    for (let i = this.#head; ; i += stride) {
      const expiry = this.#entries[i] ?? Infinity;
      if (foreignNow > 0) {
        // So much of the foreign use must be gone, if no entry expires before.
        const faded = over > foreignNow ? Infinity : (strain as Strain).fadesTo(foreignNow - over + rule.others);
        if (faded < expiry) return Math.max(from, faded);
      }
      if (expiry === Infinity) break;
      over -= this.#unitsAt(i);
      from = expiry;
      if (over <= 0) return expiry;
    }
    return Math.max(from, now + heldWaitMs);
  }

  /**
   * When the units that have expired since the strain began will have reached `position`. Beyond what is there now: what goes at those times
   * is free again a window later, and so on. Early rather than late: who comes too early is told again, what is told too late is lost.
   */
  #freedAt(position: number, now: number): number {
    const { rule } = this;
    const missing = position - (this.strain as Strain).freed;
    if (missing <= 0) return now;
    const inWindow = Math.max(this.settled + this.held, rule.capTransactional);
    const windows = Math.ceil(missing / inWindow) - 1;
    const rest = missing - windows * inWindow;
    if (rule.windowMs === 0) return now + heldWaitMs * (windows + 1);
    return (rest > this.settled ? rule.expiryAfter(now) : this.#expiryOf(rest)) + windows * rule.expiryAfter(0);
  }

  /** When so many of the settled units, from the next that expires on, will have expired. */
  #expiryOf(units: number): number {
    const strain = this.strain as Strain;
    const isBehind = strain.freed + units > strain.before;
    let i = this.#head + (isBehind ? strain.cursor : 0);
    let before = isBehind ? strain.before : strain.freed;
    for (let missing = strain.freed + units - before; i < this.#entries.length - stride; i += stride) {
      const inEntry = this.#unitsAt(i);
      if (inEntry >= missing) break;
      missing -= inEntry;
      before += inEntry;
    }
    strain.keepCursor(i - this.#head, before);
    return this.#entries[i] as number;
  }
}

/** Shares of an amount at which somebody is told. */
export const alarmShares = [0.8, 0.95, 1] as const;
