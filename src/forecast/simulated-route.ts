import { openOutlet, type Outlet } from "../queue/outlet.ts";
import type { Route, RouteTraits } from "../routes/route.ts";

/** A route as a forecast sees it. */
export interface SimulatedRoute {
  readonly name: string;
  readonly traits: RouteTraits;
  /** ms that an attempt takes. */
  readonly meanMs: number;
  /** Out of service until then, policy-clock ms; Infinity: paused by an operator; absent: it works. */
  readonly outUntil?: number;
}

export function openSimulatedOutlet({ name, traits, outUntil }: SimulatedRoute, now: number): Outlet {
  const outlet = openOutlet(withoutConnections(name, traits), now);
  if (outUntil !== undefined) outlet.circuit.pause(now);
  return outlet;
}

/** Nothing is sent in a forecast, so there is nobody to call these. */
function withoutConnections(name: string, traits: RouteTraits): Route {
  const never = (): Promise<never> => Promise.reject(new Error("a forecast sends nothing"));
  return { name, kind: "forecast", traits, deliver: never, probe: never, [Symbol.asyncDispose]: () => Promise.resolve() };
}
