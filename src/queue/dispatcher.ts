/**
 * The dispatcher: gives leased work to routes, fairly, and writes down what became of it.
 *
 * A job is in memory exactly while its recipients are leased. It comes straight from acceptance when there is room, else by `claim` from
 * the store; what is in memory is bounded in number and bytes, whatever the backlog. Lanes (lanes.ts) take turns (fair-ring.ts); a lane
 * belongs to the first of its routes whose circuit is closed. When none is, its jobs go back to the store and nothing is claimed for it
 * until one closes, so that a dead route costs nothing; unless the routing has changed since, for a claim routes anew.
 *
 * An attempt ends in settlements (settlement.ts), written without being waited for: the slot is free at once, and a crash in between means
 * that those recipients were leased, hence in flight. Trouble of the route itself moves a job to the next candidate within the same lease.
 */
import type { Failure } from "../mail/failure.ts";
import type { ProbeResult, Route } from "../routes/route.ts";
import type { Clock } from "../lib/clock.ts";
import { attemptJob } from "./attempt.ts";
import type { Conclude } from "./conclude.ts";
import { Feeder, maxLaneJobs } from "./feeder.ts";
import type { Job } from "./job.ts";
import type { Lane } from "./lanes.ts";
import { firstWindow, windowAfter } from "./window.ts";
import { openOutlet, type Outlet } from "./outlet.ts";
import { Prober } from "./prober.ts";
import type { QueueLog } from "./queue-log.ts";
import { Room } from "./room.ts";

export interface DispatcherPorts {
  readonly clock: Clock;
  readonly log: QueueLog;
  /** Settles an attempt; conclude.ts. */
  readonly conclude: Conclude;
  /** Leases due work of a lane; resolves when it is in memory. */
  readonly claim: (lane: Lane, max: number) => Promise<void>;
  /** Puts a leased job back into the store, as it was. */
  readonly putBack: (job: Job) => void;
  readonly lanes: Iterable<Lane>;
  /** Of the routing configuration in force. */
  readonly generation: () => string;
}

export class Dispatcher {
  readonly #ports: DispatcherPorts;
  readonly #outlets = new Map<string, Outlet>();
  readonly #room = new Room();
  readonly #feeder: Feeder;
  readonly #stop = new AbortController();
  readonly #prober: Prober;
  #active = 0;
  /** Claims, probes and conclusions under way. */
  #pending = 0;
  #restWaiters: (() => void)[] = [];
  #closing = false;

  constructor(routes: Iterable<Route>, ports: DispatcherPorts) {
    this.#ports = ports;
    this.#feeder = new Feeder({
      ...ports,
      room: this.#room,
      hasWay: (lane) => this.#homeOf(lane) !== null || this.#isOutdated(lane),
      track: (work) => this.track(work),
      woken: () => this.#checkRest(),
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
    return (
      !this.#closing &&
      this.#room.fits(weight) &&
      lane.jobs.size < maxLaneJobs &&
      (lane.backlogDue === null || lane.backlogDue > this.#ports.clock.now()) &&
      this.#homeOf(lane) !== null
    );
  }

  /** Counts a job that is about to be leased, before its commit. Each reservation ends in `enqueue` or `cancel`. */
  reserve(weight: number): void {
    this.#room.take(weight);
  }

  cancel(weight: number): void {
    this.#room.giveBack(weight);
  }

  /** A reserved job whose lease is durable. */
  enqueue(job: Job): void {
    const home = this.#closing ? null : this.#homeOf(job.lane);
    if (home === null) {
      this.#release(job);
      return;
    }
    job.lane.jobs.push(job);
    home.ring.add(job.lane);
    this.#pump(home);
  }

  /** Work of the lane waits in the store from `due` on. */
  backlogged(lane: Lane, due: number): void {
    this.#feeder.backlogged(lane, due);
  }

  /** Other rules hold from now on: lanes that waited for a route may go on. */
  rerouted(): void {
    this.#feeder.considerAll();
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
    if (this.#isAtRest()) return Promise.resolve();
    return new Promise((resolve) => this.#restWaiters.push(resolve));
  }

  /** Ends: no new attempts; those under way get `drainMs`, then are aborted. Jobs in memory go back to the store. */
  async close(drainMs: number): Promise<void> {
    this.#closing = true;
    this.#feeder.close();
    this.#prober.close(this.#outlets.values());
    for (const outlet of this.#outlets.values()) for (const job of outlet.overflow.drain()) this.#release(job);
    for (const lane of this.#ports.lanes) for (const job of lane.jobs.drain()) this.#release(job);
    const timer = setTimeout(() => this.#stop.abort(new Error("shutting down")), drainMs);
    // The wall clock rules here: an operator waits.
    const deadline = Date.now() + drainMs + 5000;
    while ((this.#active > 0 || this.#pending > 0) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    clearTimeout(timer);
    this.#stop.abort(new Error("shut down"));
  }

  /** Something asynchronous of the queue is under way, for `atRest` and `close`. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#pending++;
    return work.finally(() => {
      this.#pending--;
      this.#checkRest();
    });
  }

  #homeOf(lane: Lane): Outlet | null {
    for (const name of lane.routes) {
      const outlet = this.#outlets.get(name);
      if (outlet !== undefined && outlet.circuit.state === "closed") return outlet;
    }
    return null;
  }

  /** What waits in it may go elsewhere by now; or nowhere, and is held when claimed. */
  #isOutdated(lane: Lane): boolean {
    return lane.generation !== this.#ports.generation() || lane.routes.length === 0;
  }

  /** The next candidate for a job that this outlet failed, if any. */
  alternative(job: Job, failed: Outlet): Outlet | null {
    if (this.#closing) return null;
    for (const name of job.lane.routes) {
      if (name === failed.route.name || job.tried.includes(name)) continue;
      const outlet = this.#outlets.get(name);
      if (outlet !== undefined && outlet.circuit.state === "closed") return outlet;
    }
    return null;
  }

  /** Whether a candidate that was not tried in this turn is only out of service for now. */
  mayWait(job: Job, failed: Outlet): boolean {
    return job.lane.routes.some((name) => name !== failed.route.name && !job.tried.includes(name) && this.#outlets.has(name));
  }

  /** A job moves over to another route within its lease. */
  moveOver(job: Job, outlet: Outlet): void {
    this.reserve(job.weight);
    outlet.overflow.push(job);
    this.#pump(outlet);
  }

  #pump(outlet: Outlet): void {
    const { concurrency } = outlet.route.traits;
    while (outlet.active < concurrency && !this.#closing) {
      const job = outlet.overflow.shift() ?? this.#nextOf(outlet);
      if (job === undefined) return;
      void this.#attempt(outlet, job);
    }
  }

  #nextOf(outlet: Outlet): Job | undefined {
    for (;;) {
      const lane = outlet.ring.next();
      if (lane === undefined) return undefined;
      if (lane.active >= lane.window) {
        // It comes back when one of its attempts ends.
        outlet.ring.delete(lane);
        continue;
      }
      const job = lane.jobs.shift();
      if (lane.jobs.size === 0) outlet.ring.delete(lane);
      this.#feeder.drawn(lane);
      if (job !== undefined) return job;
    }
  }

  async #attempt(outlet: Outlet, job: Job): Promise<void> {
    const { lane } = job;
    outlet.active++;
    lane.active++;
    this.#active++;
    const { delivery, attempt } = await attemptJob(outlet.route, job, this.#ports, this.#stop.signal);
    outlet.active--;
    lane.active--;
    this.#active--;
    this.cancel(job.weight);
    lane.window = windowAfter(lane.window, attempt.durationMs, outlet.route.traits.concurrency);
    try {
      this.#ports.conclude(outlet, job, delivery, attempt);
    } catch (error) {
      this.#ports.log.fault("conclude", error);
    }
    if (lane.jobs.size > 0) this.#settleDown(lane);
    else if (lane.active === 0) lane.window = firstWindow;
    this.#pump(outlet);
    this.#feeder.feed();
    this.#checkRest();
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
      if (lane.jobs.size === 0 || !lane.routes.includes(outlet.route.name)) continue;
      outlet.ring.delete(lane);
      this.#settleDown(lane);
    }
    for (const job of outlet.overflow.drain()) {
      const next = this.alternative(job, outlet);
      if (next === null) this.#release(job);
      else {
        next.overflow.push(job);
        this.#pump(next);
      }
    }
  }

  /** A lane with jobs goes into the ring of its best route; or its jobs back to the store, when it has none. */
  #settleDown(lane: Lane): void {
    const home = this.#closing ? null : this.#homeOf(lane);
    if (home === null) {
      for (const job of lane.jobs.drain()) this.#release(job);
    } else {
      home.ring.add(lane);
      this.#pump(home);
    }
  }

  /** A circuit closed: lanes go back to the best route they can have. */
  #revive(): void {
    const now = this.#ports.clock.now();
    for (const lane of this.#ports.lanes) {
      const home = this.#homeOf(lane);
      if (home === null) continue;
      if (lane.jobs.size > 0) {
        for (const outlet of this.#outlets.values()) if (outlet !== home) outlet.ring.delete(lane);
        home.ring.add(lane);
      }
      this.#feeder.consider(lane, now);
    }
    this.#feeder.feed();
    for (const outlet of this.#outlets.values()) this.#pump(outlet);
  }

  #release(job: Job): void {
    this.cancel(job.weight);
    this.#ports.putBack(job);
  }

  #isAtRest(): boolean {
    return this.#active === 0 && this.#pending === 0 && this.#room.jobs === 0 && this.#feeder.isAtRest(this.#ports.clock.now());
  }

  #checkRest(): void {
    if (this.#restWaiters.length === 0 || !this.#isAtRest()) return;
    const waiters = this.#restWaiters;
    this.#restWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
