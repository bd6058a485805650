import type { OperatorRule } from "../limits/options.ts";
import type { RouteToCount } from "../limits/counted-traffic.ts";
import type { RouteTraits } from "../routes/route.ts";
import type { RoutingOptions } from "../routing/options.ts";
import type { ForecastInput, ForecastQuestion, ForecastRoute } from "./forecast.ts";

/** What the tests and the measurement of forecasts share. */

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
export const start = Date.UTC(2026, 10, 23, 9);

export const plainTraits: RouteTraits = {
  concurrency: 10,
  maxSize: null,
  maxRecipients: 1000,
  perDestination: false,
  keepsReversePath: true,
  keepsHeaders: true,
  smtputf8: true,
  takesNullReversePath: true,
  external: true,
  price: null,
  deduplicates: false,
  inDoubt: "retry",
};

export function routeOf(name: string, traits: Partial<RouteTraits> = {}, rest: Partial<ForecastRoute> = {}): ForecastRoute {
  return { name, traits: { ...plainTraits, ...traits }, meanMs: 100, circuit: "closed", retryAt: 0, ...rest };
}

export interface Given {
  readonly routes: readonly ForecastRoute[];
  /** Absent: no service's. */
  readonly counted?: readonly RouteToCount[];
  readonly limits?: readonly OperatorRule[];
  readonly rules?: RoutingOptions["rules"];
  readonly tenant?: ForecastInput["traffic"]["tenant"];
  readonly question?: Partial<ForecastQuestion>;
  readonly ledger?: ForecastInput["ledger"];
  readonly backlog?: ForecastInput["backlog"];
}

/** A gateway with nothing sent yet and nothing waiting; 1000 external recipients are asked about. */
export function inputOf({ routes, counted, limits = [], rules, tenant = {}, question, ledger, backlog = [] }: Given): ForecastInput {
  return {
    now: start,
    question: {
      to: [{ to: "@fabrikam.example", count: 1000 }],
      from: "app@contoso.example",
      principal: "app",
      priority: "bulk",
      size: 10_000,
      perMessage: 1,
      startsAt: start,
      ...question,
    },
    ledger: ledger ?? { at: start, rules: [], counters: [] },
    traffic: {
      routes: counted ?? routes.map(({ name }) => ({ name, service: null })),
      tenant,
      limits: { rules: limits, others: {}, transactionalShare: "0%", bulkShare: "0%" },
      acceptedDomains: ["contoso.example"],
    },
    overrides: new Map(),
    routing: { acceptedDomains: ["contoso.example"], rules: rules ?? [{ name: "all", routes: routes.map(({ name }) => name) }] },
    pins: [],
    routes,
    backlog,
  };
}

export function limitOf(changes: Partial<OperatorRule> & Pick<OperatorRule, "name" | "amount" | "perMs">): OperatorRule {
  return { unit: "recipients", atATime: false, countsRefused: false, ...changes };
}
