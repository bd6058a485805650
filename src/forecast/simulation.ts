/**
 * The simulation: mail in numbers goes through the parts that send mail, by a clock of its own. Whose turn it is, which route a lane uses, when
 * a gate closes and what the limits say is decided by the code that decides it for real (queue/turn.ts, candidates.ts, gates.ts, limits/);
 * what is left out is contents, the store and memory: an attempt is a time that passes, and always succeeds.
 *
 * Of many transactions alike several go as one step, one after another on one connection, so that a million is no more work than needed.
 */
import { Fifo } from "../lib/fifo.ts";
import type { Ledger } from "../limits/ledger.ts";
import type { AdmissionRequest, Reservation } from "../limits/limits.ts";
import type { LimitRule } from "../limits/rule.ts";
import { requestOf } from "../queue/admission-request.ts";
import { Candidates } from "../queue/candidates.ts";
import { Gates } from "../queue/gates.ts";
import type { Lane } from "../queue/lanes.ts";
import type { Outlet } from "../queue/outlet.ts";
import { enter, leave, nextTurn, turnEnded, turnTaken, type Turn } from "../queue/turn.ts";
import { windowAfter } from "../queue/window.ts";
import { dayMs } from "../services/counted.ts";
import { BindingLimits, type Binding } from "./binding-limits.ts";
import type { MailBatch } from "./mail-batch.ts";
import { openSimulatedOutlet, type SimulatedRoute } from "./simulated-route.ts";
import { stepSizes, type StepSizes } from "./step-sizes.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface SimulationParts {
  readonly clock: VirtualClock;
  readonly routes: readonly SimulatedRoute[];
  readonly isInternal: (domain: string) => boolean;
  /** The account; takes the rules of each day. */
  readonly ledger: Ledger;
  /** @param day `2027-01-15` */
  readonly rulesOn: (day: string) => readonly LimitRule[];
  readonly batches: readonly MailBatch[];
}

/** What became of the mail, up to the horizon. Times are policy-clock ms; null: nothing went, or not all. */
export interface SimulationResult {
  readonly own: Progress;
  readonly backlog: Progress;
  readonly routes: readonly RouteShare[];
  readonly bindings: readonly Binding[];
}

export interface Progress {
  readonly firstOutAt: number | null;
  /** null: some are not out. */
  readonly lastOutAt: number | null;
  /** Recipients that are not out. */
  readonly left: number;
}

export interface RouteShare {
  readonly route: string;
  /** Recipients of the mail that is asked about. */
  readonly internal: number;
  readonly external: number;
  readonly transactions: number;
  /** Recipients of the backlog. */
  readonly backlog: number;
  readonly lastOutAt: number;
}

/** Steps for all transactions together, roughly: what a forecast may cost. */
const wantedSteps = 100_000;
const paceMs = 30_000;

interface Tally {
  internal: number;
  external: number;
  transactions: number;
  backlog: number;
  lastOutAt: number;
}

interface Account {
  first: number;
  last: number;
  left: number;
}

export class Simulation {
  readonly #clock: VirtualClock;
  readonly #parts: SimulationParts;
  readonly #limits: BindingLimits;
  readonly #outlets: ReadonlyMap<string, Outlet>;
  readonly #meanMs: ReadonlyMap<string, number>;
  readonly #candidates: Candidates;
  readonly #gates: Gates;
  readonly #work = new Map<Lane, Fifo<MailBatch>>();
  readonly #tallies = new Map<string, Tally>();
  readonly #requests = new Map<MailBatch, Map<string, MutableRequest>>();
  readonly #unnamed = new Map<string, string[]>();
  readonly #freed = new Set<string>();
  readonly #own: Account = { first: Infinity, last: 0, left: 0 };
  readonly #backlog: Account = { first: Infinity, last: 0, left: 0 };
  readonly #mostAtOnce: number;
  #steps: StepSizes;
  #rules: string;

  constructor(parts: SimulationParts) {
    const { clock, routes, ledger, isInternal, batches, rulesOn } = parts;
    this.#parts = parts;
    this.#clock = clock;
    this.#limits = new BindingLimits(ledger);
    this.#outlets = new Map(routes.map((route) => [route.name, openSimulatedOutlet(route, clock.now())]));
    this.#meanMs = new Map(routes.map(({ name, meanMs }) => [name, meanMs]));
    this.#candidates = new Candidates(this.#outlets);
    this.#gates = new Gates({
      clock,
      log: { limitReached: () => undefined },
      limits: this.#limits,
      isInternal,
      closed: (outlet, turn) => this.#gateClosed(outlet, turn),
      opened: (outlet, turns) => this.#gateOpened(outlet, turns),
    });
    const transactions = batches.reduce((sum, batch) => sum + batch.transactions, 0);
    this.#mostAtOnce = Math.max(1, Math.floor(transactions / wantedSteps));
    const rules = rulesOn(dayOf(clock.now()));
    this.#steps = stepSizes(rules);
    this.#rules = JSON.stringify(rules);
    void ledger.setRules(rules);
    for (const batch of batches) {
      this.#accountOf(batch).left += recipientsOf(batch);
      clock.at(batch.at, () => this.#arrive(batch));
    }
    for (const { name, outUntil } of routes) {
      const outlet = this.#outlets.get(name) as Outlet;
      if (outUntil !== undefined) clock.at(outUntil, () => this.#back(outlet));
    }
    this.#atNextDay();
  }

  /** Recipients that are not out yet. */
  get left(): number {
    return this.#own.left + this.#backlog.left;
  }

  /** Goes on for so many steps; false: that was the end, for all is out or the horizon is reached. */
  run(steps: number, horizon: number): boolean {
    for (let i = 0; i < steps; i++) {
      if (this.#own.left === 0 || !this.#clock.step(horizon)) return false;
      if (this.#freed.size > 0) this.#openFreed();
    }
    return true;
  }

  result(): SimulationResult {
    const end = this.#own.left === 0 ? this.#own.last : this.#clock.now();
    return {
      own: progressOf(this.#own),
      backlog: progressOf(this.#backlog),
      routes: [...this.#tallies].map(([route, tally]) => ({ route, ...tally })),
      bindings: this.#limits.bindings(end),
    };
  }

  /** What was held for these routes was freed, and somebody waits for it. */
  freed(routes: readonly string[]): void {
    for (const route of routes) this.#freed.add(route);
  }

  #arrive(batch: MailBatch): void {
    const { lane } = batch;
    const work = this.#work.get(lane);
    if (work === undefined) {
      const queued = new Fifo<MailBatch>();
      queued.push(batch);
      this.#work.set(lane, queued);
    } else work.push(batch);
    this.#settleDown(lane);
  }

  #settleDown(lane: Lane): void {
    const home = this.#candidates.homeOf(lane);
    if (home === null) {
      leave(lane);
      return;
    }
    enter(lane, home.turns[lane.turn]);
    this.#pump(home);
  }

  #pump(outlet: Outlet): void {
    const { concurrency } = outlet.route.traits;
    while (outlet.active < concurrency && this.#startNext(outlet));
  }

  /** false: nothing is ready. */
  #startNext(outlet: Outlet): boolean {
    for (let turn = nextTurn(outlet); turn !== null; turn = nextTurn(outlet)) {
      const lane = turn.ring.first() as Lane;
      const work = this.#work.get(lane);
      const batch = work?.first();
      if (work === undefined || batch === undefined || lane.active >= lane.window) {
        // It comes back when one of its attempts ends.
        leave(lane);
        continue;
      }
      if (this.#start(outlet, turn, lane, work, batch)) return true;
    }
    return false;
  }

  /** false: it may not go now. */
  #start(outlet: Outlet, turn: Turn, lane: Lane, work: Fifo<MailBatch>, batch: MailBatch): boolean {
    const { name } = outlet.route;
    const now = this.#clock.now();
    let reservation: Reservation | null = null;
    let count = Math.min(batch.transactions, this.#mostAtOnce, this.#steps.of(name, batch));
    if (this.#limits.covers(name)) {
      let request = this.#request(batch, outlet, lane, count, now);
      // A pace has room for all of them soon; what is left of a day's amount may be less, and is used all the same.
      if (count > 1 && this.#limits.earliest(request) > now + paceMs) request = this.#request(batch, outlet, lane, (count = 1), now);
      const asked = this.#gates.admit(outlet, lane, request, this.#limits);
      if (asked.to === "stand") return false;
      if (asked.to === "wait") {
        this.#split(work, batch, count);
        turn.ring.served(lane);
        if (work.size === 0) leave(lane);
        const later = { ...batch, at: asked.notBefore, again: true, transactions: count };
        this.#clock.at(asked.notBefore, () => this.#arrive(later));
        return false;
      }
      reservation = asked.pass?.reservation ?? null;
    }
    this.#split(work, batch, count);
    turn.ring.served(lane);
    if (work.size === 0) leave(lane);
    turnTaken(outlet, turn);
    lane.active++;
    const durationMs = this.#meanMs.get(name) as number;
    this.#clock.at(now + durationMs * count, () => this.#ended(outlet, lane, batch, count, reservation, durationMs));
    return true;
  }

  /** Takes so many transactions off what is first. */
  #split(work: Fifo<MailBatch>, batch: MailBatch, count: number): void {
    if (count < batch.transactions) batch.transactions -= count;
    else {
      work.shift();
      this.#requests.delete(batch);
    }
  }

  #ended(outlet: Outlet, lane: Lane, batch: MailBatch, count: number, reservation: Reservation | null, durationMs: number): void {
    const now = this.#clock.now();
    const recipients = count * batch.recipients;
    turnEnded(outlet, lane);
    lane.active--;
    lane.window = Math.max(lane.window, windowAfter(lane.window, durationMs, outlet.route.traits.concurrency));
    if (reservation !== null) this.#limits.settle(reservation, { now, taken: recipients, refused: 0, asked: true });
    this.#count(outlet.route.name, batch, count, recipients, now);
    if ((this.#work.get(lane)?.size ?? 0) > 0) this.#settleDown(lane);
    this.#pump(outlet);
  }

  #count(route: string, batch: MailBatch, transactions: number, recipients: number, now: number): void {
    let tally = this.#tallies.get(route);
    if (tally === undefined) {
      tally = { internal: 0, external: 0, transactions: 0, backlog: 0, lastOutAt: 0 };
      this.#tallies.set(route, tally);
    }
    if (batch.isOwn) {
      tally[batch.isExternal ? "external" : "internal"] += recipients;
      tally.transactions += transactions;
      tally.lastOutAt = now;
    } else tally.backlog += recipients;
    const account = this.#accountOf(batch);
    account.left -= recipients;
    account.first = Math.min(account.first, now);
    account.last = now;
  }

  #accountOf({ isOwn }: MailBatch): Account {
    return isOwn ? this.#own : this.#backlog;
  }

  #request(batch: MailBatch, outlet: Outlet, lane: Lane, count: number, now: number): AdmissionRequest {
    const { name, traits } = outlet.route;
    let requests = this.#requests.get(batch);
    if (requests === undefined) this.#requests.set(batch, (requests = new Map()));
    let request = requests.get(name);
    if (request === undefined) {
      const { message, size } = batch;
      request = { ...requestOf({ message, recipients: [], lane, content: { size } }, name, traits, this.#parts.isInternal, now) };
      requests.set(name, request);
    }
    const recipients = count * batch.recipients;
    request.now = now;
    request.again = batch.again === true;
    request.transactions = count;
    request.recipients = this.#recipients(batch.to, recipients);
    request.external = batch.isExternal ? recipients : 0;
    return request;
  }

  #recipients(to: string, count: number): readonly string[] {
    let known = this.#unnamed.get(to);
    if (known === undefined) this.#unnamed.set(to, (known = []));
    while (known.length < count) known.push(to);
    return known.length === count ? known : known.slice(0, count);
  }

  /** As the dispatcher does it, down to the order in which lanes come: who has another way goes there, the rest stands still. */
  #gateClosed(outlet: Outlet, number: Lane["turn"]): void {
    const { ring } = outlet.turns[number];
    if (ring.lanes === 0) return;
    for (const lane of [...ring]) if (lane.routes.length - lane.fallbacks.length > 1) this.#settleDown(lane);
  }

  #gateOpened(outlet: Outlet, numbers: readonly Lane["turn"][]): void {
    for (const number of numbers) for (const lane of this.#candidates.comingTo(outlet, number)) enter(lane, outlet.turns[number]);
    this.#pump(outlet);
  }

  #openFreed(): void {
    const routes = [...this.#freed];
    this.#freed.clear();
    for (const route of routes) {
      const outlet = this.#outlets.get(route);
      if (outlet !== undefined) this.#gates.open(outlet);
    }
  }

  /** A route that was out of service works again. */
  #back(outlet: Outlet): void {
    outlet.circuit.resume(this.#clock.now());
    for (const [lane, work] of this.#work) if (work.size > 0) this.#settleDown(lane);
  }

  /** Days begin at 00:00 UTC, as the catalogue's do. */
  #atNextDay(): void {
    const next = (Math.floor(this.#clock.now() / dayMs) + 1) * dayMs;
    this.#clock.at(next, () => {
      const rules = this.#parts.rulesOn(dayOf(next));
      const text = JSON.stringify(rules);
      if (text !== this.#rules) {
        this.#rules = text;
        this.#steps = stepSizes(rules);
        void this.#parts.ledger.setRules(rules);
        for (const outlet of this.#outlets.values()) this.#gates.open(outlet);
      }
      this.#atNextDay();
    });
  }
}

type MutableRequest = { -readonly [Key in keyof AdmissionRequest]: AdmissionRequest[Key] };

function progressOf({ first, last, left }: Account): Progress {
  return { firstOutAt: first === Infinity ? null : first, lastOutAt: left === 0 && first !== Infinity ? last : null, left };
}

function recipientsOf({ transactions, recipients }: MailBatch): number {
  return transactions * recipients;
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
