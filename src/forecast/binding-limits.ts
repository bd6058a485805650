import type { Admission, AdmissionRequest, LimitName, Limits, Reservation, ReservationOutcome } from "../limits/limits.ts";

/** A limit that mail had to wait for, without a pause worth telling. */
export interface Binding {
  readonly limit: LimitName;
  /** Routes that waited for it. */
  readonly routes: readonly string[];
  /** Policy-clock ms. */
  readonly from: number;
  readonly until: number;
  /** ms within it in which mail waited. */
  readonly waitedMs: number;
}

interface Open {
  limit: LimitName;
  routes: Set<string>;
  from: number;
  until: number;
  waitedMs: number;
}

/** Waits that are no further apart, as a share of the window and at least, are one: a paced limit is waited for many times a minute. */
const pauseShare = 1 / 24;
const leastPauseMs = 2 * 60_000;
/** Told of one limit; what comes later is added to the last. */
const maxBindings = 8;

/** Limits that write down which of them said no, and for how long. */
export class BindingLimits implements Limits {
  readonly #limits: Limits;
  /** By what is counted and the limit's id: the past ones, and last the one that may go on. */
  readonly #bindings = new Map<string, Map<string, Open[]>>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  covers(route: string): boolean {
    return this.#limits.covers(route);
  }

  countsExternal(route: string): boolean {
    return this.#limits.countsExternal(route);
  }

  admit(request: AdmissionRequest): Admission {
    const admission = this.#limits.admit(request);
    if (!admission.ok) this.#note(request.route, admission.limit, request.now, admission.notBefore);
    return admission;
  }

  settle(reservation: Reservation, outcome: ReservationOutcome): void {
    this.#limits.settle(reservation, outcome);
  }

  earliest(request: AdmissionRequest): number {
    return this.#limits.earliest(request);
  }

  largestTransaction(route: string): number {
    return this.#limits.largestTransaction(route);
  }

  /** In the order of their beginning. @param end when the last mail was out: nothing waited longer */
  bindings(end: number): readonly Binding[] {
    return [...this.#bindings.values()]
      .flatMap((byId) => [...byId.values()])
      .flat()
      .filter(({ from }) => from < end)
      .map(({ limit, routes, from, until, waitedMs }) => {
        const last = Math.min(until, end);
        return { limit, routes: [...routes], from, until: last, waitedMs: Math.min(waitedMs, last - from) };
      })
      .sort((a, b) => a.from - b.from);
  }

  #note(route: string, limit: LimitName, now: number, until: number): void {
    let byId = this.#bindings.get(limit.counted);
    if (byId === undefined) this.#bindings.set(limit.counted, (byId = new Map()));
    let all = byId.get(limit.id);
    if (all === undefined) byId.set(limit.id, (all = []));
    const open = all.at(-1);
    if (open === undefined || (now > open.until + Math.max(leastPauseMs, limit.windowMs * pauseShare) && all.length < maxBindings)) {
      all.push({ limit, routes: new Set([route]), from: now, until, waitedMs: until - now });
      return;
    }
    if (until <= open.until) return;
    open.waitedMs += until - Math.max(now, open.until);
    open.until = until;
    open.routes.add(route);
  }
}
