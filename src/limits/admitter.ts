import type { Alarms } from "./alarms.ts";
import type { Counter } from "./counter.ts";
import type { CounterSet } from "./counter-set.ts";
import { Cover, type Batch, type Chunk, type JournalWriter } from "./cover.ts";
import type { Admission, AdmissionRequest } from "./limits.ts";
import { amountsOf, noAmounts, Taken, wholeMessage } from "./reservation.ts";
import { breadthOf, type Breadth, type RoutePlan, type RuleBook } from "./route-plan.ts";
import { positionsOf, unitsOfSome } from "./some-recipients.ts";

/** Recipients whose times differ by no more than this share of the window are refused together. */
const togetherShare = 1 / 64;
/** Reservations kept for use again. */
const maxPool = 256;

/** Asks every counter that a request concerns and takes from all of them or from none. Times are the ledger's. */
export class Admitter {
  /** null: nothing is made durable. */
  writer: JournalWriter | null = null;
  readonly #book: RuleBook;
  readonly #alarms: Alarms;
  readonly #pool: Taken[] = [];
  /** Units of each kind of the request in hand. */
  readonly #amounts = noAmounts();
  /** The last batch that the admission in hand must wait for. */
  #awaited: Batch | null = null;

  constructor(book: RuleBook, alarms: Alarms) {
    this.#book = book;
    this.#alarms = alarms;
  }

  admit(request: AdmissionRequest, now: number): Admission {
    const plan = this.#book.plan(request.route);
    const taken = this.#pool.pop() ?? new Taken();
    taken.begin(request, plan);
    if (plan === undefined) return taken.admission;
    const { isBulk } = taken;
    const amounts = this.#amounts;
    amountsOf(amounts, request.recipients.length, request.external, request.size, request.transactions ?? 1);
    const { fixed } = plan;
    for (const counter of fixed) {
      const units = amounts[counter.rule.kind] as number;
      if (units > 0 && !counter.fits(units, isBulk, now)) return this.#refuseFixed(plan, counter, request, taken, now);
    }
    for (const set of plan.byMessage) {
      const refusal = this.#takeByMessage(set, request, taken, now);
      if (refusal !== null) return refusal;
    }
    for (const set of plan.byRecipient) {
      const refusal = this.#takeByRecipient(set, request, taken, now);
      if (refusal !== null) return refusal;
    }
    this.#awaited = null;
    for (let i = 0; i < fixed.length; i++) {
      const counter = fixed[i] as Counter;
      const units = amounts[counter.rule.kind] as number;
      if (units > 0) {
        counter.take(units, isBulk, now);
        taken.fixedChunks[i] = this.#complete(counter, units, taken, now);
      } else taken.fixedChunks[i] = null;
    }
    for (let i = 0; i < taken.count; i++)
      taken.chunks[i] = this.#complete(taken.counters[i] as Counter, taken.units[i] as number, taken, now);
    taken.admission.ready = (this.#awaited as Batch | null)?.done ?? null;
    return taken.admission;
  }

  earliest(request: AdmissionRequest, now: number): number {
    let at = now;
    const isBulk = request.priority === "bulk";
    this.#each(request, (counter, units) => {
      if (!counter.fits(units, isBulk, now)) at = Math.max(at, counter.earliest(units, isBulk, now));
    });
    return at <= now ? request.now : request.now + Math.max(1, Math.ceil(at - now));
  }

  /** A reservation that has ended is used again. */
  reuse(taken: Taken): void {
    taken.clear();
    if (this.#pool.length < maxPool) this.#pool.push(taken);
  }

  #refuseFixed(plan: RoutePlan, first: Counter, request: AdmissionRequest, taken: Taken, now: number): Admission {
    const { isBulk } = taken;
    const breadth = plan.breadths.get(first) as Breadth;
    let [binding, at] = [first, now];
    for (const counter of plan.fixed) {
      const units = this.#amounts[counter.rule.kind] as number;
      if (units === 0 || plan.breadths.get(counter) !== breadth || counter.fits(units, isBulk, now)) continue;
      const earliest = counter.earliest(units, isBulk, now);
      if (earliest > at) [binding, at] = [counter, earliest];
    }
    if (breadth === "message") at = binding.promise(this.#amounts[binding.rule.kind] as number, isBulk, request.again === true, now);
    return this.#refuse(binding, breadth, at, request, taken, now);
  }

  #takeByMessage(set: CounterSet, request: AdmissionRequest, taken: Taken, now: number): Admission | null {
    const units = this.#unitsByMessage(set, request);
    if (units === 0) return null;
    const counter = set.counter(set.keyOf(request), "", now);
    if (counter.fits(units, taken.isBulk, now)) {
      counter.take(units, taken.isBulk, now);
      taken.add(counter, set, units, wholeMessage);
      return null;
    }
    const breadth = breadthOf(set);
    const isForAll = breadth === "route" || breadth === "external";
    const at = isForAll ? counter.earliest(units, taken.isBulk, now) : counter.promise(units, taken.isBulk, request.again === true, now);
    const positions = set.countsAllRecipients ? undefined : positionsOf(request.recipients, (address) => set.countsRecipient(address));
    return this.#refuse(counter, breadth, at, request, taken, now, positions);
  }

  #unitsByMessage(set: CounterSet, request: AdmissionRequest): number {
    if (!set.counts(request)) return 0;
    const all = this.#amounts[set.rule.kind] as number;
    if (set.countsAllRecipients || all === 0) return all;
    return unitsOfSome(set, request.recipients, all, () => true);
  }

  #takeByRecipient(set: CounterSet, request: AdmissionRequest, taken: Taken, now: number): Admission | null {
    const each = set.counts(request) ? this.#unitsByRecipient(set, request) : 0;
    if (each === 0) return null;
    const key = set.keyOf(request);
    const { recipients } = request;
    const { isBulk } = taken;
    let refused: { readonly position: number; readonly counter: Counter; readonly at: number }[] | null = null;
    for (let position = 0; position < recipients.length; position++) {
      const recipient = recipients[position] as string;
      if (!set.countsRecipient(recipient)) continue;
      const counter = set.counter(key, recipient, now);
      if (counter.fits(each, isBulk, now)) {
        counter.take(each, isBulk, now);
        taken.add(counter, set, each, position);
      } else (refused ??= []).push({ position, counter, at: counter.earliest(each, isBulk, now) });
    }
    if (refused === null) return null;
    const soonest = Math.min(...refused.map(({ at }) => at));
    const together = refused.filter(({ at }) => at <= soonest + set.rule.windowMs * togetherShare);
    const at = Math.max(...together.map(({ counter }) => counter.promise(each, isBulk, request.again === true, now)));
    const [first] = together;
    return this.#refuse(
      (first as (typeof together)[number]).counter,
      "recipients",
      at,
      request,
      taken,
      now,
      together.map(({ position }) => position),
    );
  }

  #unitsByRecipient(set: CounterSet, { external, size }: AdmissionRequest): number {
    const { unit } = set.rule.rule;
    if (unit === "bytes") return size;
    return unit === "external-recipients" && external === 0 ? 0 : 1;
  }

  /** Gives back what was taken for this request so far. */
  #refuse(
    counter: Counter,
    breadth: Breadth,
    at: number,
    request: AdmissionRequest,
    taken: Taken,
    now: number,
    positions?: readonly number[],
  ): Admission {
    const { isBulk } = taken;
    for (let i = 0; i < taken.count; i++) {
      const units = taken.units[i] as number;
      (taken.counters[i] as Counter).settle(units, 0, isBulk, now);
    }
    this.reuse(taken);
    if (isBulk && counter.rule.rule.shares.bulk > 0) counter.strained().refusedBulk(at, now, counter.rule);
    if (counter.held > 0) counter.isAwaited = true;
    counter.rule.waits++;
    const { rule } = counter.rule;
    const foreign = counter.strain === null ? 0 : Math.ceil(counter.strain.foreignAt(now));
    return {
      ok: false,
      notBefore: request.now + Math.max(1, Math.ceil(at - now)),
      limit: { id: rule.id, counted: counter.counted, amount: rule.amount, used: counter.used + foreign, windowMs: rule.windowMs },
      breadth,
      ...(positions === undefined ? {} : { positions }),
    };
  }

  /** What taking has brought about: a chunk that covers it, a probe, an alarm. */
  #complete(counter: Counter, units: number, taken: Taken, now: number): Chunk | null {
    const used = counter.held + counter.settled;
    if (used >= counter.alarmAt) this.#alarms.check(counter, now);
    if (counter.strain !== null && counter.strain.pauseMs > 0) {
      counter.strain.isProbing = true;
      taken.probes.push(counter);
    }
    if (used <= counter.rule.floor || this.writer === null || counter.rule.windowMs === 0) return null;
    counter.cover ??= new Cover(counter.rule, counter.journalKey, this.writer);
    const chunk = counter.cover.take(units, now);
    if (chunk.batch.state !== "durable" && (this.#awaited === null || chunk.batch.number > this.#awaited.number))
      this.#awaited = chunk.batch;
    return chunk;
  }

  /** Each counter that the request would take from, with its units. */
  #each(request: AdmissionRequest, visit: (counter: Counter, units: number) => void): void {
    const plan = this.#book.plan(request.route);
    if (plan === undefined) return;
    amountsOf(this.#amounts, request.recipients.length, request.external, request.size, request.transactions ?? 1);
    for (const counter of plan.fixed)
      if (this.#amounts[counter.rule.kind] !== 0) visit(counter, this.#amounts[counter.rule.kind] as number);
    for (const set of plan.byMessage) {
      const units = this.#unitsByMessage(set, request);
      const counter = units === 0 ? undefined : set.peek(set.keyOf(request), "");
      if (counter !== undefined) visit(counter, units);
    }
    for (const set of plan.byRecipient) {
      const units = set.counts(request) ? this.#unitsByRecipient(set, request) : 0;
      if (units === 0) continue;
      const key = set.keyOf(request);
      for (const recipient of request.recipients) {
        const counter = set.countsRecipient(recipient) ? set.peek(key, recipient) : undefined;
        if (counter !== undefined) visit(counter, units);
      }
    }
  }
}
