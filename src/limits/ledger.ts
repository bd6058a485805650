/**
 * The account of what was sent: the port's promises are in limits.ts.
 *
 * A rule in force (rule-in-force.ts) has a set of counters for each party it is counted for (counter-set.ts); a route's plan (route-plan.ts)
 * names the sets that count its mail. An admission asks each counter (counter.ts) and takes from all of them or from none. What was taken
 * is durable before it is used, in chunks (cover.ts, journal.ts). Time is the ledger's own (ledger-time.ts), so that no step of the wall
 * clock frees anything.
 */
import type { SteadyClock } from "../lib/steady-clock.ts";
import { Admitter } from "./admitter.ts";
import { Alarms, type Crossing } from "./alarms.ts";
import type { Counter } from "./counter.ts";
import type { CounterSet } from "./counter-set.ts";
import { JournalWriter, type Chunk, type Cover } from "./cover.ts";
import { exactMarks, recognize, restore, type Strangers } from "./durability.ts";
import { fullestOf } from "./fullest.ts";
import type { JournalContents, LimitJournal } from "./journal.ts";
import { LedgerTime } from "./ledger-time.ts";
import type { Admission, AdmissionRequest, Limits, Reservation, ReservationOutcome } from "./limits.ts";
import { amountsOf, noAmounts, TakenPositions, wholeMessage, type Taken } from "./reservation.ts";
import { RuleBook } from "./route-plan.ts";
import type { LimitRule } from "./rule.ts";
import { unitsOfSome } from "./some-recipients.ts";
import type { CounterSnapshot, LedgerSnapshot } from "./snapshot.ts";
import {
  fullestCounters,
  isMeant,
  sampleOf,
  usageOf,
  type CounterUsage,
  type LimitUsage,
  type UsageQuery,
  type UsageSample,
} from "./usage.ts";

export interface LedgerOptions {
  readonly rules: readonly LimitRule[];
  readonly clock: SteadyClock;
  /** null: nothing is kept over a restart (a simulation). */
  readonly journal: LimitJournal | null;
  /** A counter has come to 80, 95 or 100 % of its amount. */
  readonly onThreshold?: (crossing: Crossing) => void;
  /** Something was given back that an asker was refused for; it may ask again at once for these routes. Never called within `admit`. */
  readonly onFreed?: (routes: readonly string[]) => void;
}

const tendEveryMs = 10_000;
/** Counters looked at in one round, whether they can be forgotten. */
const sweepCount = 256;
/** Of the counters of one limit for single senders, recipients or principals, so many are told of. */
const mostTold = 50;

/** With what an earlier run has used. Rejects when the journal cannot be read or written. */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const contents = (await options.journal?.load()) ?? { anchor: null, marks: [] };
  const ledger = new Ledger(options, LedgerTime.resume(options.clock, contents.anchor));
  await ledger.begin(contents);
  return ledger;
}

export class Ledger implements Limits, AsyncDisposable {
  readonly #options: LedgerOptions;
  readonly #book = new RuleBook();
  readonly #time: LedgerTime;
  readonly #alarms: Alarms;
  readonly #admitter: Admitter;
  #writer: JournalWriter | null = null;
  #floors: Readonly<Record<string, number>> = {};
  #strangers: Strangers = new Map();
  /** Units of each kind: of a request; of what was taken; of what was taken or refused. */
  readonly #amounts = noAmounts();
  readonly #kept = noAmounts();
  readonly #keptOrRefused = noAmounts();
  readonly #positions = new TakenPositions();
  #tendAt = 0;

  constructor(options: LedgerOptions, time: LedgerTime) {
    this.#options = options;
    this.#time = time;
    this.#alarms = new Alarms(options.onThreshold ?? (() => undefined));
    this.#admitter = new Admitter(this.#book, this.#alarms);
    this.#book.replace(options.rules, time.now());
  }

  /** Once, before anything else. */
  async begin(contents: JournalContents): Promise<void> {
    const { journal } = this.#options;
    if (journal === null) return;
    const lastId = contents.marks.reduce((last, { chunk }) => Math.max(last, chunk), 0);
    const writer = new JournalWriter(journal, () => this.#time.anchor(this.#floors), lastId);
    this.#writer = writer;
    this.#admitter.writer = writer;
    this.#floors = contents.anchor?.floors ?? {};
    const { renewed, strangers } = restore(this.#book, contents, this.#time.now());
    this.#strangers = strangers;
    for (const mark of renewed) writer.write(mark);
    await this.#raiseFloors(writer);
  }

  covers(route: string): boolean {
    return this.#book.plan(route) !== undefined;
  }

  countsExternal(route: string): boolean {
    return this.#book.plan(route)?.countsExternal === true;
  }

  largestTransaction(route: string): number {
    return Math.max(1, this.#book.plan(route)?.largestTransaction ?? Infinity);
  }

  /** Other rules from now on; counters that count the same go on. Rejects when that cannot be made durable; then they hold all the same. */
  async setRules(rules: readonly LimitRule[]): Promise<void> {
    const now = this.#time.now();
    this.#book.replace(rules, now);
    recognize(this.#book, this.#strangers, now);
    for (const set of this.#book.sets) for (const counter of set.counters()) this.#alarms.reset(counter);
    if (this.#writer !== null) await this.#raiseFloors(this.#writer);
  }

  admit(request: AdmissionRequest): Admission {
    const now = this.#time.now();
    if (now >= this.#tendAt) this.#tend(now);
    return this.#admitter.admit(request, now);
  }

  earliest(request: AdmissionRequest): number {
    return this.#admitter.earliest(request, this.#time.now());
  }

  settle(reservation: Reservation, outcome: ReservationOutcome): void {
    const taken = reservation as Taken;
    if (!taken.isLive) throw new Error("a reservation is settled once");
    const now = this.#time.now();
    const { fixed, transactions } = taken;
    const { asked, refused } = outcome;
    const count = taken.recipients.length;
    const served = asked ? outcome.taken : 0;
    const answered = asked ? Math.min(count, outcome.taken + refused) : 0;
    amountsOf(this.#amounts, count, taken.external, taken.size, transactions);
    amountsOf(this.#kept, served, Math.min(served, taken.external), taken.size, transactions);
    amountsOf(this.#keptOrRefused, answered, Math.min(answered, taken.external), taken.size, transactions);
    for (let i = 0; i < fixed.length; i++) {
      const counter = fixed[i] as Counter;
      const { kind, rule } = counter.rule;
      const units = this.#amounts[kind] as number;
      if (units > 0)
        this.#end(
          counter,
          units,
          (rule.countsRefused ? this.#keptOrRefused : this.#kept)[kind] as number,
          taken,
          taken.fixedChunks[i] ?? null,
          now,
        );
    }
    taken.plan?.principals.add(taken.principal, this.#kept, this.#keptOrRefused);
    if (taken.count > 0) this.#endOthers(taken, outcome, answered, now);
    for (const { strain } of taken.probes) {
      if (strain === null) continue;
      strain.isProbing = false;
      if (served > 0) strain.proved();
    }
    if (outcome.full !== undefined) this.#learn(taken, outcome.full, outcome.now, now);
    this.#admitter.reuse(taken);
  }

  /** Every limit in force, or those that are meant, with the counters that are nearest to full. Looks at each counter once. */
  limits(now: number, query: UsageQuery = {}): readonly LimitUsage[] {
    const at = this.#time.now();
    for (const plan of this.#book.plans()) plan.tellPrincipals(at);
    const { most = mostTold, counted } = query;
    return this.#book.rules
      .filter((rule) => isMeant(rule, query))
      .map((rule) => {
        const counters: Counter[] = [];
        let inUse = 0;
        for (const set of this.#book.sets) {
          if (set.rule !== rule || most === 0) continue;
          const ofSet = counted === undefined ? set.counters() : namedOf(set.counters(), counted.toLowerCase());
          const found = set.only === null ? fullestCounters(ofSet, most, at) : { fullest: [...ofSet], inUse: set.only.used > 0 ? 1 : 0 };
          counters.push(...found.fullest);
          inUse += found.inUse;
        }
        return {
          rule: rule.rule,
          inUse,
          others: rule.others,
          waits: rule.waits,
          counters: counters.map((counter) => usageOf(counter, at, now - at)),
        };
      });
  }

  /** The counters of `limits`, of all limits. */
  usage(now: number): readonly CounterUsage[] {
    return this.limits(now).flatMap(({ counters }) => counters);
  }

  /** Of each limit that is not counted for single recipients: the most that was used since the last call. For one caller. */
  samples(): readonly UsageSample[] {
    const now = this.#time.now();
    return this.#book.sets
      .filter(({ isPerRecipient, rule }) => !isPerRecipient && rule.windowMs > 0)
      .flatMap((set) => (set.only === null ? fullestCounters(set.counters(), mostTold, now).fullest : [set.only]))
      .map((counter) => sampleOf(counter, now));
  }

  /**
   * What the service says was used in all, by whomever: the difference to ours is other senders'. `counted`: the party; absent: all that
   * the rule has. Returns whether there is such a limit.
   */
  observe(rule: string, observed: number, counted?: string): boolean {
    const now = this.#time.now();
    let found = false;
    for (const set of this.#book.sets) {
      if (set.rule.rule.id !== rule || set.only === null || (counted !== undefined && set.counted !== counted)) continue;
      found = true;
      if (now >= set.only.nextExpiry) set.only.expire(now);
      this.#setForeign(set.only, observed - set.only.settled, now);
      this.#alarms.check(set.only, now);
    }
    return found;
  }

  /**
   * Forgets what is believed of other senders, and that a service said it is full: an operator knows better. `counted`: the party, as
   * `usage` tells it; absent: all. Returns of how many counters.
   */
  forget(rule: string, counted?: string): number {
    const now = this.#time.now();
    let count = 0;
    for (const set of this.#book.sets) {
      if (set.rule.rule.id !== rule) continue;
      for (const counter of set.counters()) {
        const { strain } = counter;
        if (strain === null || (counted !== undefined && counter.counted !== counted)) continue;
        if (strain.foreignAt(now) === 0 && strain.pauseMs === 0 && strain.pausedUntil <= now) continue;
        count++;
        strain.proved();
        this.#setForeign(counter, 0, now);
      }
    }
    return count;
  }

  /** Resolves when what was observed, learned and forgotten so far is durable. */
  async written(): Promise<void> {
    await this.#writer?.flush().done;
  }

  /**
   * The account as it is now, as data: for forecasts. What is under way counts as settled.
   *
   * @param recipients lower case; of what is counted for each recipient, theirs only
   */
  snapshot(recipients: ReadonlySet<string>): LedgerSnapshot {
    const now = this.#time.now();
    const counters: CounterSnapshot[] = [];
    for (const set of this.#book.sets) {
      for (const counter of set.isPerRecipient ? set.countersOf(recipients) : set.counters()) {
        if (counter.isEmpty(now)) continue;
        const { party: counted, key, recipient } = counter;
        counters.push({ rule: set.rule.rule.id, counted, key, recipient, state: counter.state(now) });
      }
    }
    return { at: now, rules: this.#book.rules.map(({ rule }) => rule), counters };
  }

  /** An account that goes on from there by another clock and keeps nothing. */
  static resume({ at, rules, counters }: LedgerSnapshot, clock: SteadyClock, onFreed?: LedgerOptions["onFreed"]): Ledger {
    const ledger = new Ledger({ rules, clock, journal: null, ...(onFreed === undefined ? {} : { onFreed }) }, new LedgerTime(clock, at));
    for (const { rule, counted, key, recipient, state } of counters)
      ledger.#book.set(rule, counted)?.counter(key, recipient, at).resume(state);
    // Nobody looks at alarms, and nothing is written: what nobody asks about may stay as it is.
    ledger.#tendAt = Infinity;
    return ledger;
  }

  /** Writes exact figures. Nothing may be asked afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    const writer = this.#writer;
    if (writer === null) return;
    this.#floors = {};
    await writer.close(exactMarks(this.#book, this.#strangers, this.#time.now(), () => writer.nextId()));
  }

  #end(counter: Counter, units: number, kept: number, taken: Taken, chunk: Chunk | null, now: number): void {
    counter.settle(units, kept, taken.isBulk, now);
    if (chunk !== null) (counter.cover as Cover).settle(chunk, units, kept, now);
    if (counter.isAwaited && (kept < units || counter.rule.windowMs === 0)) this.#freed(counter);
  }

  #endOthers(taken: Taken, outcome: ReservationOutcome, answered: number, now: number): void {
    const positions = this.#positions;
    positions.read(outcome);
    for (let i = 0; i < taken.count; i++) {
      const counter = taken.counters[i] as Counter;
      const set = taken.sets[i] as CounterSet;
      const units = taken.units[i] as number;
      const position = taken.positions[i] as number;
      const { rule } = counter.rule;
      const keepsRefused = rule.countsRefused && answered > 0;
      let kept = 0;
      if (position !== wholeMessage) kept = keepsRefused || positions.has(position) ? units : 0;
      else if (set.countsAllRecipients)
        kept = Math.min(units, (rule.countsRefused ? this.#keptOrRefused : this.#kept)[counter.rule.kind] as number);
      else kept = keepsRefused ? units : unitsOfSome(set, taken.recipients, units, (at) => positions.has(at));
      if (kept > 0 && counter.recipient === "") counter.usedBy(taken.principal, kept, now);
      this.#end(counter, units, kept, taken, taken.chunks[i] ?? null, now);
    }
  }

  /** Who waits asks again: there may be more room now. */
  #setForeign(counter: Counter, units: number, now: number): void {
    counter.strained().setForeign(units, now, counter.rule.windowMs);
    this.#writeForeign(counter, now);
    this.#freed(counter);
  }

  #freed(counter: Counter): void {
    counter.isAwaited = false;
    const { onFreed } = this.#options;
    if (onFreed !== undefined) onFreed(counter.rule.rule.routes.map(({ name }) => name));
  }

  #learn(taken: Taken, full: NonNullable<ReservationOutcome["full"]>, policyNow: number, now: number): void {
    const retryAt = full.retryAt === undefined ? null : now + (full.retryAt - policyNow);
    for (const counter of fullestOf(taken, full.failure.code, full.positions)) {
      const isProbe = taken.probes.includes(counter);
      counter.strained().learnFull(counter.used, counter.rule, now, isProbe, retryAt);
      this.#writeForeign(counter, now);
      this.#alarms.check(counter, now);
    }
  }

  #writeForeign(counter: Counter, now: number): void {
    const { windowMs } = counter.rule;
    if (this.#writer === null || windowMs === 0) return;
    const units = Math.ceil(counter.strained().foreignAt(now));
    counter.foreignMark ||= this.#writer.nextId();
    const mark = {
      chunk: counter.foreignMark,
      counter: counter.journalKey,
      units,
      settledAt: Math.ceil(now),
      until: Math.ceil(now + windowMs),
    };
    this.#writer.write({ ...mark, kind: "foreign" });
  }

  /** A floor holds when a crash would find it. */
  async #raiseFloors(writer: JournalWriter): Promise<void> {
    const floors: Record<string, number> = { ...this.#floors };
    for (const { rule, wantedFloor } of this.#book.rules) floors[rule.id] = Math.max(floors[rule.id] ?? 0, wantedFloor);
    this.#floors = floors;
    await writer.flush().done;
    for (const rule of this.#book.rules) rule.floor = Math.min(rule.wantedFloor, floors[rule.rule.id] ?? 0);
  }

  /** What nobody asks about must not stay as it is for ever: old chunks, alarms that are over, counters with nothing left. */
  #tend(now: number): void {
    this.#tendAt = now + tendEveryMs;
    for (const plan of this.#book.plans()) plan.tellPrincipals(now);
    for (const set of this.#book.sets) {
      if (set.isPerRecipient) {
        set.sweep(sweepCount, now);
        continue;
      }
      for (const counter of set.counters()) {
        if (now >= counter.nextExpiry) counter.expire(now);
        if (counter.alarmLevel > 0) this.#alarms.relax(counter, now);
        counter.cover?.tend(now);
      }
    }
  }
}

/** @param part lower case */
function* namedOf(counters: Iterable<Counter>, part: string): Generator<Counter> {
  for (const counter of counters) if (counter.counted.toLowerCase().includes(part)) yield counter;
}
