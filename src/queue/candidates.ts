import type { AtLimit } from "./store.ts";
import type { Job } from "./job.ts";
import type { Lane } from "./lanes.ts";
import type { Outlet } from "./outlet.ts";
import type { Gate } from "./turn.ts";

/** Mail behind a gate that stays closed for longer does not wait in memory. */
export const patienceMs = 60_000;

export function isClosedForLong({ isClosed, until }: Gate, now: number): boolean {
  return isClosed && until - now > patienceMs;
}

/** Which of the routes that routing has named, in its order, is used now: as circuits and gates allow. */
export class Candidates {
  readonly #outlets: ReadonlyMap<string, Outlet>;

  constructor(outlets: ReadonlyMap<string, Outlet>) {
    this.#outlets = outlets;
  }

  /**
   * The first whose circuit is closed; when it is at a limit, the next that is not, or, when all are, the one whose gate opens first. A route
   * for failures only counts when all before it are out of service. null: none is in service.
   */
  homeOf(lane: Lane): Outlet | null {
    let soonest: Outlet | null = null;
    for (const name of lane.routes) {
      const outlet = this.#outlets.get(name);
      if (outlet === undefined || outlet.circuit.state !== "closed") continue;
      if (soonest !== null && lane.fallbacks.includes(name)) continue;
      const { gate } = outlet.turns[lane.turn];
      if (!gate.isClosed) return outlet;
      if (soonest === null || gate.until < soonest.turns[lane.turn].gate.until) soonest = outlet;
    }
    return soonest;
  }

  /**
   * The next for a job that this outlet failed.
   *
   * @param limited it was only at a limit, so that routes for failures do not count
   * @param patientUntil it may stand before a gate that opens by then
   */
  alternative({ lane, tried }: Job, failed: Outlet, limited: boolean, patientUntil: number): Outlet | null {
    let first: Outlet | null = null;
    for (const name of lane.routes) {
      if (name === failed.route.name || tried.includes(name) || (limited && lane.fallbacks.includes(name))) continue;
      const outlet = this.#outlets.get(name);
      if (outlet === undefined || outlet.circuit.state !== "closed") continue;
      const { gate } = outlet.turns[lane.turn];
      if (!gate.isClosed) return outlet;
      if (gate.until <= patientUntil) first ??= outlet;
    }
    return first;
  }

  /** Whether a candidate that was not tried in this turn is only out of service for now. */
  mayWait({ lane, tried }: Job, failed: Outlet): boolean {
    return lane.routes.some((name) => name !== failed.route.name && !tried.includes(name) && this.#outlets.has(name));
  }

  /** Those before the outlet in the job's order that are at a limit; and itself, when the job has waited for long at its gate. */
  atLimit({ lane, tried, recipients }: Job, taken: Outlet, now: number): readonly AtLimit[] {
    const found: AtLimit[] = [];
    for (const name of lane.routes) {
      if (name === taken.route.name) {
        const { limit, until } = taken.turns[lane.turn].gate;
        const dueAt = recipients[0]?.notBefore ?? now;
        if (limit !== null && until > dueAt && now - dueAt > patienceMs) found.push({ route: name, limit, until });
        break;
      }
      const outlet = this.#outlets.get(name);
      if (outlet === undefined || outlet.circuit.state !== "closed" || tried.includes(name)) continue;
      const { isClosed, limit, until } = outlet.turns[lane.turn].gate;
      if (isClosed && limit !== null) found.push({ route: name, limit, until });
    }
    return found;
  }

  /** Lanes with jobs at other routes that belong to this one, now that its gate has opened. */
  comingTo(outlet: Outlet, number: Lane["turn"]): readonly Lane[] {
    const coming: Lane[] = [];
    for (const other of this.#outlets.values()) {
      const { ring } = other.turns[number];
      if (other === outlet || ring.lanes === 0) continue;
      for (const lane of ring) if (lane.routes.includes(outlet.route.name) && this.homeOf(lane) === outlet) coming.push(lane);
    }
    return coming;
  }
}
