/**
 * Gates: what limits mean for work in memory. Before an attempt the limits are asked; a no that concerns all mail of a turn closes its gate
 * until the time that the no has named, or until the limits tell that something was freed: the turn stands still and nobody loses a place;
 * whose turn it is asks again when the gate opens. After an attempt the limits are told how it went.
 *
 * A route that no limit counts is never asked about.
 */
import type { Admission, AdmissionRequest, LimitName, Limits, Reservation } from "../limits/limits.ts";
import type { Clock } from "../lib/clock.ts";
import { requestOf } from "./admission-request.ts";
import { patienceMs } from "./candidates.ts";
import type { Job } from "./job.ts";
import type { Lane } from "./lanes.ts";
import type { Outlet } from "./outlet.ts";
import type { QueueLog } from "./queue-log.ts";
import type { Gate } from "./turn.ts";

export interface GatesPorts {
  readonly clock: Clock;
  readonly log: Pick<QueueLog, "limitReached">;
  /** null: there are none. */
  readonly limits: Limits | null;
  /** Whether a domain, lower case, is one of the organisation's. */
  readonly isInternal: (domain: string) => boolean;
  readonly closed: (outlet: Outlet, number: Lane["turn"]) => void;
  readonly opened: (outlet: Outlet, numbers: readonly Lane["turn"][]) => void;
}

/** What an attempt was admitted with; null: no limit counts it. */
export interface Pass {
  readonly request: AdmissionRequest;
  readonly reservation: Reservation;
  readonly ready: Promise<void> | null;
}

export type Asked =
  | { readonly to: "go"; readonly pass: Pass | null }
  /** The gate is closed now. */
  | { readonly to: "stand" }
  /** A limit is smaller than the job, which it was not when that was made: it goes back to be made anew. */
  | { readonly to: "split" }
  /** The job, or those of its recipients at `positions`, must wait by itself. */
  | { readonly to: "wait"; readonly positions: readonly number[] | null; readonly notBefore: number; readonly limit: LimitName };

const free: Asked = { to: "go", pass: null };
const stand = { to: "stand" } as const;
const split: Asked = { to: "split" };

/** A gate that closes again and again is told of no more often. */
const quietMs = 10 * 60_000;

export class Gates {
  readonly #ports: GatesPorts;

  constructor(ports: GatesPorts) {
    this.#ports = ports;
  }

  /** Asks whether the job, the next of its turn, may go. */
  ask(outlet: Outlet, job: Job): Asked {
    const { limits, clock, isInternal } = this.#ports;
    if (limits === null || !limits.covers(outlet.route.name)) return free;
    if (job.recipients.length > 1 && job.recipients.length > limits.largestTransaction(outlet.route.name)) return split;
    return this.admit(outlet, job.lane, requestOf(job, outlet.route.name, outlet.route.traits, isInternal, clock.now()), limits);
  }

  /** The same for a request that stands for the next of the lane's turn: a forecast has no jobs. */
  admit(outlet: Outlet, lane: Lane, request: AdmissionRequest, limits: Limits): Exclude<Asked, { readonly to: "split" }> {
    const { now } = request;
    const admission = limits.admit(request);
    if (admission.ok) return { to: "go", pass: { request, reservation: admission.reservation, ready: admission.ready } };
    // It may be asked in the very millisecond that was named: at the earliest in the next.
    const notBefore = Math.max(admission.notBefore, now + 1);
    switch (admission.breadth) {
      case "message":
        return { to: "wait", positions: null, notBefore, limit: admission.limit };
      case "recipients":
        return { to: "wait", positions: admission.positions ?? null, notBefore, limit: admission.limit };
      case "route":
      case "external":
        this.#close(outlet, lane, admission, notBefore, now);
        return stand;
    }
  }

  /** There may be room before the time: who stands before the gates of the route may ask. */
  open(outlet: Outlet): void {
    for (const [number, { gate }] of outlet.turns.entries()) if (gate.isClosed) this.#open(outlet, number as Lane["turn"]);
  }

  dispose(outlets: Iterable<Outlet>): void {
    for (const { turns } of outlets) for (const { gate } of turns) gate.timer?.[Symbol.dispose]();
  }

  #close(outlet: Outlet, { turn }: Lane, { breadth, limit }: Admission & { ok: false }, until: number, now: number): void {
    const { priority, gate } = outlet.turns[turn];
    if (until - now > patienceMs && now - gate.toldAt > quietMs) {
      gate.toldAt = now;
      this.#ports.log.limitReached(outlet.route.name, priority, breadth === "route" ? "all" : "external", limit, until);
    }
    const other = (turn ^ 1) as Lane["turn"];
    const isNews = this.#closeOne(outlet, turn, limit, until, now);
    const isNewsToOther = breadth === "route" && this.#closeOne(outlet, other, limit, until, now);
    if (isNews) this.#ports.closed(outlet, turn);
    if (isNewsToOther) this.#ports.closed(outlet, other);
  }

  /** @returns whether it was open, or is closed for long only now */
  #closeOne(outlet: Outlet, number: Lane["turn"], limit: LimitName, until: number, now: number): boolean {
    const { gate } = outlet.turns[number];
    // Another limit keeps it closed for longer.
    if (gate.isClosed && gate.until >= until) return false;
    const wasLong = gate.isClosed && gate.until - now > patienceMs;
    const isLong = until - now > patienceMs;
    const closes = !gate.isClosed;
    if (closes) gate.since = now;
    gate.isClosed = true;
    gate.limit = limit;
    if (closes || gate.until !== until) {
      gate.timer?.[Symbol.dispose]();
      gate.timer = this.#ports.clock.at(until, () => this.#open(outlet, number));
    }
    gate.until = until;
    return closes || (isLong && !wasLong);
  }

  #open(outlet: Outlet, number: Lane["turn"]): void {
    const now = this.#ports.clock.now();
    // Of those who are due at one moment the urgent ask first, whichever timer fires first.
    if (number >= 2) for (const urgent of urgentTurns) if (isDue(outlet.turns[urgent].gate, now)) this.#open(outlet, urgent);
    // Internal and external recipients that are due at one moment come together, or who comes first would have all of the room.
    const twin = (number ^ 1) as Lane["turn"];
    const numbers = isDue(outlet.turns[twin].gate, now) ? [number, twin] : [number];
    for (const each of numbers) {
      const { gate } = outlet.turns[each];
      gate.timer?.[Symbol.dispose]();
      gate.timer = null;
      gate.isClosed = false;
      gate.until = now;
    }
    this.#ports.opened(outlet, numbers);
  }
}

const urgentTurns = [0, 1] as const;

function isDue({ isClosed, until }: Gate, now: number): boolean {
  return isClosed && until <= now;
}
