import type { DeliverySecurity } from "../mail/delivery-security.ts";
import type { Priority } from "../mail/priority.ts";
import type { Route } from "../routes/route.ts";
import { Circuit } from "../routing/circuit.ts";
import { openTurns, type Turns } from "./turn.ts";

/** One route as the dispatcher sees it: its health, its work in memory, its attempts under way. */
export interface Outlet {
  readonly route: Route;
  readonly circuit: Circuit;
  /** Its work, by priority and class of recipients. */
  readonly turns: Turns;
  /** The last attempt of each priority was for internal recipients. */
  readonly isInternalServed: Record<Priority, boolean>;
  /** Transactional attempts since the last of bulk mail. */
  transactionalRun: number;
  /** Attempts under way, and of them those of bulk mail. */
  active: number;
  activeBulk: number;
  /** ms that an attempt takes of late; null: there was none yet. */
  meanMs: number | null;
  /** Recipients since start, by what became of them here. */
  relayed: number;
  /** Of them, by what protected them on the way; the sum is less where nothing went over a network. */
  readonly relayedBy: Record<DeliverySecurity, number>;
  delayed: number;
  failed: number;
  /** Openings of the circuit since start. */
  openings: number;
  /** The last reply or failure, for people. */
  lastText: string;
  lastAt: number;
  probing: boolean;
  /** The wait for the next probe while the circuit is open. */
  probeTimer: Disposable | null;
}

export function openOutlet(route: Route, now: number): Outlet {
  return {
    route,
    circuit: new Circuit(now),
    turns: openTurns(),
    isInternalServed: { transactional: false, bulk: false },
    transactionalRun: 0,
    active: 0,
    activeBulk: 0,
    meanMs: null,
    relayed: 0,
    relayedBy: { plain: 0, opportunistic: 0, verified: 0, "mta-sts": 0, dane: 0 },
    delayed: 0,
    failed: 0,
    openings: 0,
    lastText: "",
    lastAt: 0,
    probing: false,
    probeTimer: null,
  };
}

/** How much the last attempt counts in the mean. */
const weight = 1 / 32;

export function attemptTook(outlet: Outlet, durationMs: number): void {
  outlet.meanMs = outlet.meanMs === null ? durationMs : outlet.meanMs + (durationMs - outlet.meanMs) * weight;
}
