import { formatDuration, formatSize, isoTime } from "../lib/units.ts";
import type { Change, Cost, Forecast, ForecastQuestion, Improvement, LimitForecast, RouteForecast } from "./forecast.ts";

/** Of what would make it faster, so much is told in words. */
const shown = 5;

/** A forecast in sentences, the answer first. */
export function explainForecast(question: ForecastQuestion, forecast: Forecast): readonly string[] {
  const { unroutable, routes, limits, faster } = forecast;
  return [
    asked(question),
    outcome(forecast),
    ...unroutable.map(
      ({ to, count, reasons }) =>
        `There is no way for ${counted(count, "recipient")} at ${to}: ${reasons.map(({ route, reason }) => `${route} ${reason}`).join(", ") || "no rule matches"}.`,
    ),
    ...section("By these routes:", routes.filter(({ transactions }) => transactions > 0).map(byRoute)),
    ...section("Waits for these limits:", together(limits).map(byLimit)),
    ...section("", costLines(forecast)),
    ...backlogLines(forecast),
    ...section(
      "What would make it faster:",
      faster.slice(0, shown).map((each) => better(question, each)),
    ),
    ...section("", assumptions(forecast)),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  return title === "" ? lines : [title, ...lines.map((line) => `  ${line}`)];
}

function asked({ to, from, principal, priority, size, perMessage, startsAt }: ForecastQuestion): string {
  const all = to.reduce((sum, { count }) => sum + count, 0);
  const messages = perMessage === 1 ? "a message each" : `${perMessage} in a message`;
  return `${counted(all, "recipient")}, ${messages}, ${formatSize(size)}, from ${from ?? "<>"} by ${principal} as ${priority} mail, handed over at ${time(startsAt)}.`;
}

function outcome({ lastOutAt, firstOutAt, left, startsAt, horizonAt, unroutable }: Forecast): string {
  const first = firstOutAt === null ? "" : `the first is out at ${time(firstOutAt)}, `;
  if (lastOutAt !== null) return capital(`${first}the last at ${time(lastOutAt)}, after ${duration(lastOutAt - startsAt)}.`);
  const without = unroutable.reduce((sum, { count }) => sum + count, 0);
  if (without === left) return capital(`${first}for ${counted(without, "recipient")} there is no way.`);
  return capital(`${first}but ${counted(left, "recipient")} are not out by ${time(horizonAt)}.`);
}

function byRoute({ route, internal, external, lastOutAt, costUsd, attemptMs, isMeasured, backlog }: RouteForecast): string {
  const classes = [
    ...(internal > 0 ? [`${number(internal)} internal`] : []),
    ...(external > 0 ? [`${number(external)} external`] : []),
  ].join(" and ");
  const price = costUsd === null ? "price not known" : costUsd === 0 ? "in the licence" : usd(costUsd);
  const others = backlog === 0 ? "" : `, beside ${number(backlog)} that wait already`;
  return `${route}: ${classes}, the last at ${time(lastOutAt)}${others}; ${price}; ${duration(attemptMs)} an attempt, ${isMeasured ? "as measured" : "assumed, for nothing was sent by it yet"}`;
}

/** All times at which one limit binds, as a line. */
function byLimit(times: readonly [LimitForecast, ...LimitForecast[]]): string {
  const [{ title, id, counted: party, amount, windowMs, from }] = times;
  const window = windowMs === 0 ? "at a time" : `in ${formatDuration(windowMs)}`;
  const whom = party === "" ? "" : `, ${party}`;
  const routes = [...new Set(times.flatMap((each) => each.routes))];
  const until = Math.max(...times.map((each) => each.until));
  const waitedMs = times.reduce((sum, each) => sum + each.waitedMs, 0);
  const pauses = times.length === 1 ? "" : ` with ${counted(times.length - 1, "pause")}`;
  return `${time(from)} to ${time(until)}${pauses}: ${title} (${id}), ${number(amount)} ${window}${whom}; ${routes.join(", ")} ${routes.length === 1 ? "waits" : "wait"} ${duration(waitedMs)} in all`;
}

function together(limits: readonly LimitForecast[]): readonly (readonly [LimitForecast, ...LimitForecast[]])[] {
  const byCounter = Map.groupBy(limits, ({ id, counted: party }) => `${id}\n${party}`);
  return [...byCounter.values()].flatMap(([first, ...others]) => (first === undefined ? [] : [[first, ...others] as const]));
}

function costLines({ cost }: Forecast): readonly string[] {
  return [`Cost: ${price(cost)}.`];
}

function price({ usd: known, unknown }: Cost): string {
  return `${usd(known)}${unknown === 0 ? "" : `, and what ${counted(unknown, "recipient")} by routes of unknown price cost`}`;
}

function backlogLines({ backlog }: Forecast): readonly string[] {
  if (backlog.recipients === 0) return [];
  const end =
    backlog.left === 0 && backlog.lastOutAt !== null
      ? `all out by ${time(backlog.lastOutAt)}`
      : `${number(backlog.left)} of them still wait then`;
  return [`${counted(backlog.recipients, "recipient")} wait already and share the way: ${end}.`];
}

function better(question: ForecastQuestion, { change, lastOutAt, savedMs, cost }: Improvement): string {
  return `${changeWords(question, change)}: the last at ${time(lastOutAt)}, ${duration(savedMs)} earlier; ${price(cost)}`;
}

/** `500 licences instead of 250`. */
export function changeWords({ from }: ForecastQuestion, change: Change): string {
  switch (change.kind) {
    case "licences":
      return `${number(change.to)} licences instead of ${number(change.from)}`;
    case "account":
      return `another account beside that of ${change.like}, which may send as ${from ?? "<>"}`;
    case "route":
      return `${change.route} as one more route of the rule${change.rules.length === 1 ? "" : "s"} ${change.rules.join(", ")}`;
    case "resume":
      return `${change.route} resumed, which is paused`;
    case "per-message":
      return `${number(change.to)} recipients in a message instead of ${number(change.from)}`;
  }
}

function assumptions({ routes }: Forecast): readonly string[] {
  return routes.length === 0
    ? []
    : ["Taken for granted: each attempt succeeds, no other mail comes meanwhile, and others use no more of the limits than they do now."];
}

function counted(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** `20,000`. */
function number(value: number): string {
  return value.toLocaleString("en-US");
}

function usd(value: number): string {
  return `US$ ${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

/** `2026-11-21 14:05:09Z`. */
function time(ms: number): string {
  const iso = isoTime(ms);
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z`;
}

function duration(ms: number): string {
  return formatDuration(Math.max(0, ms));
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
