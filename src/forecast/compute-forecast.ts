import { Ledger } from "../limits/ledger.ts";
import type { LimitRule } from "../limits/rule.ts";
import { rulesAsOf } from "../limits/rules-as-of.ts";
import { LaneBook } from "../queue/lanes.ts";
import { Router } from "../routing/decide.ts";
import { costOf } from "../routing/cost.ts";
import { dayMs } from "../services/counted.ts";
import { backlogBatches } from "./backlog-batches.ts";
import type { Cost, Forecast, ForecastInput, ForecastRoute, LimitForecast, RouteForecast, Unroutable } from "./forecast.ts";
import type { MailBatch } from "./mail-batch.ts";
import { ownBatches } from "./own-batches.ts";
import { Simulation, type RouteShare, type SimulationResult } from "./simulation.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** How far a forecast looks ahead. */
export const horizonMs = 400 * dayMs;
/** An attempt of a route that has sent nothing yet: chosen, and told. */
const unmeasuredMs = 500;
const unmeasuredBytesPerMs = 2000;
/** Steps between two reports of progress. */
const reportSteps = 10_000;

/** @param share of the recipients that are out, 0 to 1 */
export type Report = (share: number) => void;

/** One simulation: without what would make it faster. */
export function computeForecast(input: ForecastInput, report: Report = () => undefined): Forecast {
  const { now, question, routes } = input;
  const clock = new VirtualClock(now);
  const ledger = Ledger.resume(input.ledger, clock, (freed) => simulation.freed(freed));
  const router = new Router(input.routing, new Map(routes.map(({ name, traits }) => [name, traits])), input.pins);
  const lanes = new LaneBook((route) => ledger.countsExternal(route));
  const day = new Date(now).toISOString().slice(0, 10);
  const rules = rulesOn(input, day);
  void ledger.setRules(rules);
  const context = { router, lanes, limits: ledger, routes: new Map(routes.map(({ name, traits }) => [name, traits])) };
  const { batches: own, unroutable } = ownBatches(question, context);
  const backlog = backlogBatches(input.backlog, context);
  const waiting = sum(backlog);
  const all = sum(own) + waiting;
  const simulation: Simulation = new Simulation({
    clock,
    routes: routes.map((route) => ({ name: route.name, traits: route.traits, meanMs: attemptMsOf(route, question.size), ...outOf(route) })),
    isInternal: router.isAccepted,
    ledger,
    rulesOn: (on) => rulesOn(input, on),
    batches: [...backlog, ...own],
  });
  const horizonAt = question.startsAt + horizonMs;
  while (simulation.run(reportSteps, horizonAt)) report(all === 0 ? 1 : 1 - simulation.left / all);
  return forecastOf(input, simulation.result(), { unroutable, horizonAt, backlog: waiting, rules });
}

interface Known {
  readonly unroutable: readonly Unroutable[];
  readonly horizonAt: number;
  /** Recipients. */
  readonly backlog: number;
  /** Of the first day. */
  readonly rules: readonly LimitRule[];
}

function forecastOf(input: ForecastInput, result: SimulationResult, { unroutable, horizonAt, backlog, rules }: Known): Forecast {
  const { question } = input;
  const routes = result.routes
    .map((share) => routeForecast(share, input))
    .sort((a, b) => b.internal + b.external - a.internal - a.external);
  const count = (key: "internal" | "external"): number => routes.reduce((total, route) => total + route[key], 0);
  const ruleOf = new Map(rules.map((rule) => [rule.id, rule]));
  const limits = result.bindings.map(({ limit, ...binding }): LimitForecast => ({
    id: limit.id,
    title: ruleOf.get(limit.id)?.title ?? limit.id,
    unit: ruleOf.get(limit.id)?.unit ?? "messages",
    counted: limit.counted,
    amount: limit.amount,
    windowMs: limit.windowMs,
    ...binding,
  }));
  return {
    startsAt: question.startsAt,
    recipients: { internal: count("internal"), external: count("external") },
    firstOutAt: result.own.firstOutAt,
    lastOutAt: unroutable.length > 0 ? null : result.own.lastOutAt,
    left: result.own.left + unroutable.reduce((total, { count: without }) => total + without, 0),
    horizonAt,
    unroutable,
    routes,
    limits,
    cost: costOfAll(routes),
    backlog: { recipients: backlog, left: result.backlog.left, lastOutAt: result.backlog.lastOutAt },
    faster: [],
  };
}

function routeForecast(share: RouteShare, { question, routes }: ForecastInput): RouteForecast {
  const route = routes.find(({ name }) => name === share.route) as ForecastRoute;
  const price = costOf(route.traits, question.size);
  return {
    ...share,
    costUsd: price === null ? null : price * (share.internal + share.external),
    attemptMs: attemptMsOf(route, question.size),
    isMeasured: route.meanMs !== null,
  };
}

function costOfAll(routes: readonly RouteForecast[]): Cost {
  let [usd, unknown] = [0, 0];
  for (const { costUsd, internal, external } of routes) {
    if (costUsd === null) unknown += internal + external;
    else usd += costUsd;
  }
  return { usd, unknown };
}

function attemptMsOf({ meanMs }: ForecastRoute, size: number): number {
  return meanMs ?? unmeasuredMs + size / unmeasuredBytesPerMs;
}

/** One in trouble is taken to be well when it is tried next; a paused one stays so. */
function outOf({ circuit, retryAt }: ForecastRoute): { readonly outUntil?: number } {
  if (circuit === "closed") return {};
  return { outUntil: circuit === "open" ? retryAt : Infinity };
}

/** Those that mail may have to wait for. Of single recipients nothing is known unless they are named. */
function rulesOn({ traffic, overrides, question }: ForecastInput, day: string): readonly LimitRule[] {
  const isNamed = question.to.some(({ to }) => !to.startsWith("@"));
  return rulesAsOf(traffic, day, overrides).filter(
    ({ holds, scope }) => holds && (isNamed || !(scope.includes("recipient") || scope.includes("sender-recipient"))),
  );
}

function sum(batches: readonly MailBatch[]): number {
  return batches.reduce((total, { transactions, recipients }) => total + transactions * recipients, 0);
}
