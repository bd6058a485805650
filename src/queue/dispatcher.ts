/**
 * The dispatcher: gives leased work to routes, fairly, and writes down what became of it.
 *
 * A job is in memory exactly while its recipients are leased. It comes straight from acceptance when there is room, else by `claim` from
 * the store; what is in memory is bounded in number and bytes, whatever the backlog. Lanes (lanes.ts) take turns (fair-ring.ts); a lane
 * belongs to the first of its routes that is in service and not at a limit (candidates.ts). When none is in service, its jobs go back to
 * the store and nothing is claimed for it until one is, so that a dead route costs nothing; unless the routing has changed since, for a
 * claim routes anew. Before a limit mail stands still at a gate (gates.ts): for a moment in memory, for longer in the store.
 *
 * An attempt ends in settlements (settlement.ts), written without being waited for: the slot is free at once, and a crash in between means
 * that those recipients were leased, hence in flight. Trouble of the route itself moves a job to the next candidate within the same lease.
 */
import type { Failure } from "../mail/failure.ts";
import type { ProbeResult, Route } from "../routes/route.ts";
import type { Clock } from "../lib/clock.ts";
import type { LimitName, Limits } from "../limits/limits.ts";
import { attemptJob } from "./attempt.ts";
import { Candidates, isClosedForLong, patienceMs } from "./candidates.ts";
import type { Conclude } from "./conclude.ts";
import { Feeder, maxLaneJobs } from "./feeder.ts";
import { Gates, type Pass } from "./gates.ts";
import type { Job } from "./job.ts";
import type { Lane } from "./lanes.ts";
import { firstWindow, windowAfter } from "./window.ts";
import { attemptTook, openOutlet, type Outlet } from "./outlet.ts";
import { Prober } from "./prober.ts";
import type { QueueLog } from "./queue-log.ts";
import { Rest } from "./rest.ts";
import { Room } from "./room.ts";
import { settleReservation } from "./settle-reservation.ts";
import type { StoredRecipient } from "./store.ts";
import { enter, jobsAtGates, leave, nextTurn, shorten, turnEnded, turnTaken } from "./turn.ts";
import { WaitingLanes } from "./waiting-lanes.ts";

export interface DispatcherPorts {
  readonly clock: Clock;
  readonly log: QueueLog;
  /** Settles an attempt; conclude.ts. */
  readonly conclude: Conclude;
  /** Leases due work of a lane; resolves when it is in memory. */
  readonly claim: (lane: Lane, max: number) => Promise<void>;
  /** Writes down that a job is about to be passed to a route that must not get it twice. */
  readonly begin: (job: Job) => Promise<void>;
  /** Puts a leased job back into the store, as it was. */
  readonly putBack: (job: Job) => void;
  /** Puts some recipients of a leased job back until a limit has room for them. */
  readonly postpone: (job: Job, recipients: readonly StoredRecipient[], notBefore: number, limit: LimitName) => void;
  readonly limits: Limits | null;
  /** Whether a domain, lower case, is one of the organisation's. */
  readonly isInternal: (domain: string) => boolean;
  readonly lanes: Iterable<Lane>;
  /** Of the routing configuration in force. */
  readonly generation: () => string;
}

export class Dispatcher {
  readonly #ports: DispatcherPorts;
  readonly #outlets = new Map<string, Outlet>();
  readonly #candidates = new Candidates(this.#outlets);
  readonly #gates: Gates;
  readonly #room = new Room();
  readonly #feeder: Feeder;
  readonly #waiting: WaitingLanes;
  readonly #stop = new AbortController();
  readonly #prober: Prober;
  #active = 0;
  readonly #rest = new Rest(
    () => this.#isQuiet(),
    () => this.#call(),
  );
  #closing = false;

  constructor(routes: Iterable<Route>, ports: DispatcherPorts) {
    this.#ports = ports;
    this.#feeder = new Feeder({
      ...ports,
      room: this.#room,
      mostJobs: (lane, now) => this.#mostJobs(lane, now),
      came: (lane) => this.#waiting.came(lane),
      track: (work) => this.track(work),
      woken: () => this.#rest.check(),
    });
    this.#waiting = new WaitingLanes(this.#room, (lane) => this.#feeder.consider(lane, ports.clock.now()));
    this.#gates = new Gates({
      ...ports,
      closed: (outlet, turn) => this.#gateClosed(outlet, turn),
      opened: (outlet, turns) => this.#gateOpened(outlet, turns),
    });
    this.#prober = new Prober({
      clock: ports.clock,
      log: ports.log,
      stop: this.#stop.signal,
      closed: () => this.#revive(),
      track: (work) => this.track(work),
    });
    for (const route of routes) this.#outlets.set(route.name, openOutlet(route, ports.clock.now()));
  }

  get outlets(): ReadonlyMap<string, Outlet> {
    return this.#outlets;
  }

  /** Whether a new job for the lane may be leased straight away instead of waiting in the store behind others. */
  hasRoom(lane: Lane, weight: number): boolean {
    if (this.#closing || !this.#room.fits(lane.priority, weight)) return false;
    const now = this.#ports.clock.now();
    if (lane.backlogDue !== null && lane.backlogDue <= now) return false;
    const home = this.#candidates.homeOf(lane);
    return home !== null && this.#waiting.mayEnter(lane, home.turns[lane.turn], now);
  }

  /** Counts a job that is about to be leased, before its commit. Each reservation ends in `enqueue` or `cancel`. */
  reserve({ priority }: Lane, weight: number): void {
    this.#room.take(priority, weight);
  }

  cancel({ priority }: Lane, weight: number): void {
    this.#room.giveBack(priority, weight);
  }

  /** A reserved job whose lease is durable. */
  enqueue(job: Job): void {
    job.lane.jobs.push(job);
    this.#settleDown(job.lane);
  }

  /** Work of the lane waits in the store from `due` on. */
  backlogged(lane: Lane, due: number): void {
    this.#feeder.backlogged(lane, due);
  }

  /** Other rules hold from now on: lanes that waited for a route may go on. */
  rerouted(): void {
    this.#feeder.considerAll();
  }

  /** Limits have room for something on these routes before the time that they had named, or are not the same any more. */
  freed(routes: Iterable<string>): void {
    for (const name of routes) {
      const outlet = this.#outlets.get(name);
      // Not within the settlement that has freed it.
      if (outlet !== undefined) queueMicrotask(() => this.#gates.open(outlet));
    }
  }

  /** Pauses a route for an operator. @param since when that was */
  pause(name: string, since = this.#ports.clock.now()): boolean {
    const outlet = this.#outlets.get(name);
    if (outlet === undefined) return false;
    outlet.circuit.pause(since);
    this.#prober.cancel(outlet);
    this.#evacuate(outlet);
    return true;
  }

  resume(name: string): boolean {
    const outlet = this.#outlets.get(name);
    if (outlet === undefined) return false;
    outlet.circuit.resume(this.#ports.clock.now());
    if (outlet.circuit.state === "closed") this.#revive();
    return true;
  }

  /** Tries a route now; when it works, an open circuit closes. null: there is no such route. */
  async probe(name: string, signal: AbortSignal): Promise<ProbeResult | null> {
    const outlet = this.#outlets.get(name);
    return outlet === undefined ? null : await this.#prober.now(outlet, signal);
  }

  /** Resolves when nothing is due, under way or about to be written. */
  atRest(): Promise<void> {
    return this.#rest.comes();
  }

  /** Ends: no new attempts; those under way get `drainMs`, then are aborted. Jobs in memory go back to the store. */
  async close(drainMs: number): Promise<void> {
    this.#closing = true;
    this.#feeder.close();
    this.#prober.close(this.#outlets.values());
    this.#gates.dispose(this.#outlets.values());
    for (const { turns } of this.#outlets.values()) for (const { moved } of turns) for (const job of moved.drain()) this.#release(job);
    for (const lane of this.#ports.lanes) this.#clear(lane);
    const timer = setTimeout(() => this.#stop.abort(new Error("shutting down")), drainMs);
    // The wall clock rules here: an operator waits.
    const deadline = Date.now() + drainMs + 5000;
    while ((this.#active > 0 || this.#rest.pending > 0) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    clearTimeout(timer);
    this.#stop.abort(new Error("shut down"));
  }

  /** Something asynchronous of the queue is under way, for `atRest` and `close`. */
  track<T>(work: Promise<T>): Promise<T> {
    return this.#rest.track(work);
  }

  /** What waits in it may go elsewhere by now; or nowhere, and is held when claimed. */
  #isOutdated(lane: Lane): boolean {
    return lane.generation !== this.#ports.generation() || lane.routes.length === 0;
  }

  #mostJobs(lane: Lane, now: number): number {
    if (this.#isOutdated(lane)) return maxLaneJobs;
    const home = this.#candidates.homeOf(lane);
    return home === null ? 0 : this.#waiting.mostJobs(lane, home.turns[lane.turn], now);
  }

  /** The next candidate for a job that this outlet failed, if any. `limited`: by a limit only. */
  alternative(job: Job, failed: Outlet, limited = false): Outlet | null {
    // Memory that is crowded already is not for what would stand still there.
    const patientUntil = this.#room.isCrowded ? -Infinity : this.#ports.clock.now() + patienceMs;
    return this.#closing ? null : this.#candidates.alternative(job, failed, limited, patientUntil);
  }

  /** Whether a candidate that was not tried in this turn is only out of service for now. */
  mayWait(job: Job, failed: Outlet): boolean {
    return this.#candidates.mayWait(job, failed);
  }

  /** A job moves over to another route within its lease. */
  moveOver(job: Job, outlet: Outlet): void {
    this.reserve(job.lane, job.weight);
    outlet.turns[job.lane.turn].moved.push(job);
    this.#pump(outlet);
  }

  #pump(outlet: Outlet): void {
    const { concurrency } = outlet.route.traits;
    while (outlet.active < concurrency && !this.#closing && this.#startNext(outlet));
  }

  /** false: nothing is ready. */
  #startNext(outlet: Outlet): boolean {
    for (let turn = nextTurn(outlet); turn !== null; turn = nextTurn(outlet)) {
      const lane = turn.moved.size > 0 ? null : (turn.ring.first() as Lane);
      if (lane !== null && (lane.active >= lane.window || lane.jobs.size === 0)) {
        // It comes back when one of its attempts ends.
        leave(lane);
        continue;
      }
      const jobs = lane === null ? turn.moved : lane.jobs;
      const job = jobs.first() as Job;
      const asked = this.#gates.ask(outlet, job);
      if (asked.to === "stand") continue;
      jobs.shift();
      if (lane !== null) {
        turn.ring.served(lane);
        if (lane.jobs.size === 0) leave(lane);
        this.#feeder.drawn(lane);
      }
      if (asked.to !== "go") {
        if (asked.to === "split") this.#release(job);
        else this.#postpone(job, asked);
        continue;
      }
      turnTaken(outlet, turn);
      void this.#attempt(outlet, job, asked.pass);
      return true;
    }
    return false;
  }

  /** Recipients that must wait by themselves go back to the store; the others are next. */
  #postpone(job: Job, { positions, notBefore, limit }: { positions: readonly number[] | null; notBefore: number; limit: LimitName }): void {
    const waiting = positions === null ? job.recipients : job.recipients.filter((_, position) => positions.includes(position));
    this.#ports.postpone(job, waiting, notBefore, limit);
    const others = job.recipients.filter((recipient) => !waiting.includes(recipient));
    if (others.length === 0) this.cancel(job.lane, job.weight);
    else {
      job.lane.jobs.unshift({ ...job, recipients: others });
      this.#place(job.lane);
    }
  }

  async #attempt(outlet: Outlet, job: Job, pass: Pass | null): Promise<void> {
    const { lane } = job;
    const { limits, clock, log } = this.#ports;
    lane.active++;
    this.#active++;
    const atLimit = limits === null ? [] : this.#candidates.atLimit(job, outlet, clock.now());
    const { delivery, attempt } = await attemptJob(outlet.route, job, pass?.ready ?? null, this.#ports, this.#stop.signal);
    turnEnded(outlet, lane);
    lane.active--;
    this.#active--;
    this.cancel(lane, job.weight);
    attemptTook(outlet, attempt.durationMs);
    lane.window = windowAfter(lane.window, attempt.durationMs, outlet.route.traits.concurrency);
    try {
      const again = pass === null || limits === null ? null : settleReservation(limits, pass, job, delivery, clock.now());
      this.#ports.conclude(outlet, job, delivery, atLimit.length === 0 ? attempt : { ...attempt, atLimit }, again);
    } catch (error) {
      log.fault("conclude", error);
    }
    if (lane.jobs.size > 0) this.#settleDown(lane);
    else if (lane.active === 0) lane.window = firstWindow;
    this.#pump(outlet);
    this.#call();
    this.#feeder.feed();
    this.#rest.check();
  }

  /** A limit has closed a gate: lanes with another candidate that is open go there, the rest stands still, or leaves memory if it is for long. */
  #gateClosed(outlet: Outlet, number: Lane["turn"]): void {
    const { ring, moved, gate } = outlet.turns[number];
    const isLong = isClosedForLong(gate, this.#ports.clock.now());
    let kept = 0;
    for (const lane of [...ring]) {
      if (isLong || lane.routes.length - lane.fallbacks.length > 1) this.#settleDown(lane);
      if (lane.place?.gate !== gate) continue;
      for (const job of shorten(lane, this.#waiting.mayKeep(kept++))) this.#release(job);
    }
    if (isLong) for (const job of moved.drain()) this.#release(job);
  }

  /** A gate has opened: lanes that went elsewhere for it, or stand before another, come. */
  #gateOpened(outlet: Outlet, numbers: readonly Lane["turn"][]): void {
    for (const number of numbers) {
      const turn = outlet.turns[number];
      for (const lane of this.#candidates.comingTo(outlet, number)) enter(lane, turn);
      this.#waiting.callFor(turn);
    }
    this.#waiting.call();
    this.#feeder.feed();
    this.#pump(outlet);
    this.#rest.check();
  }

  /** The circuit of an outlet has just opened: its work goes elsewhere, and it is probed until it closes. */
  opened(outlet: Outlet, reason: Failure): void {
    this.#ports.log.circuitOpened(outlet.route.name, reason, outlet.circuit.retryAt);
    this.#evacuate(outlet);
    this.#prober.schedule(outlet);
  }

  /** Moves an outlet's work in memory to where each lane can go now. */
  #evacuate(outlet: Outlet): void {
    for (const lane of this.#ports.lanes) {
      if (lane.jobs.size > 0 && lane.routes.includes(outlet.route.name)) this.#settleDown(lane);
    }
    for (const turn of outlet.turns) {
      this.#waiting.dismiss(turn);
      for (const job of turn.moved.drain()) {
        const next = this.alternative(job, outlet);
        if (next === null) this.#release(job);
        else {
          next.turns[job.lane.turn].moved.push(job);
          this.#pump(next);
        }
      }
    }
    this.#feeder.feed();
  }

  /** A lane with jobs takes its place at the route that it is to use; or they go back to the store, when there is none or not for long. */
  #place(lane: Lane): Outlet | null {
    const home = this.#closing ? null : this.#candidates.homeOf(lane);
    if (home !== null && !isClosedForLong(home.turns[lane.turn].gate, this.#ports.clock.now())) enter(lane, home.turns[lane.turn]);
    else this.#clear(lane);
    return lane.place === null ? null : home;
  }

  #settleDown(lane: Lane): void {
    const home = this.#place(lane);
    if (home !== null) this.#pump(home);
  }

  #clear(lane: Lane): void {
    leave(lane);
    for (const job of lane.jobs.drain()) this.#release(job);
  }

  /** A circuit closed: lanes go back to the best route they can have. */
  #revive(): void {
    const now = this.#ports.clock.now();
    for (const lane of this.#ports.lanes) {
      if (lane.jobs.size > 0) this.#place(lane);
      this.#feeder.consider(lane, now);
    }
    this.#feeder.feed();
    for (const outlet of this.#outlets.values()) this.#pump(outlet);
  }

  /** Lanes that wait for a place behind a gate ask whether there is one. */
  #call(): void {
    if (this.#waiting.size === 0) return;
    this.#waiting.call();
    this.#feeder.feed();
  }

  #release(job: Job): void {
    this.cancel(job.lane, job.weight);
    this.#ports.putBack(job);
  }

  #isQuiet(): boolean {
    const now = this.#ports.clock.now();
    if (this.#active > 0 || !this.#feeder.isAtRest(now)) return false;
    return this.#room.jobs === 0 || this.#room.jobs === jobsAtGates(this.#outlets.values(), now);
  }
}
