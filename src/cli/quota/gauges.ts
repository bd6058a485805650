import { amountWords } from "../../admin/quota-words.ts";
import type { QuotaCounterView, QuotaHistoryView, QuotaLimitView, QuotaView } from "../../admin/quota-contract.ts";
import { formatDuration } from "../../lib/units.ts";
import { cleanCell, shortTime } from "../output.ts";
import { formatTable } from "../table.ts";

const barWidth = 20;
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const shownPrincipals = 2;
const shownAlerts = 5;

/** Own use as a filled bar, that of other senders hatched behind it, the rest dotted. */
export function gauge(used: number, foreign: number, amount: number): string {
  const parts = Math.min(barWidth * 8, Math.round((used / amount) * barWidth * 8));
  const own = "█".repeat(Math.floor(parts / 8)) + (eighths[parts % 8] ?? "");
  const others = "▒".repeat(Math.min(barWidth - own.length, Math.round((foreign / amount) * barWidth)));
  return `${own}${others}`.padEnd(barWidth, "·");
}

/** A line for each counter, the fullest first; then limits of which nothing is used, and what was alerted. */
export function describeQuota({ now, limits, alerts }: QuotaView): string[] {
  const rows = limits
    .flatMap((limit) => limit.counters.map((counter) => ({ limit, counter })))
    .toSorted((one, other) => other.counter.ratio - one.counter.ratio);
  const used = rows.filter(({ counter }) => counter.ratio > 0 || counter.pausedUntil !== undefined);
  const table = [
    ["USED", "", "LIMIT", "COUNTED FOR", "OF", "LEFT", "OTHERS", "NEXT", "ALL BACK", "MOST BY"],
    ...used.map(({ limit, counter }) => rowOf(limit, counter, now)),
  ].map((row) => row.map(cleanCell));
  const hidden = limits.filter(({ inUse, counters }) => inUse > counters.length);
  const idle = limits.filter(({ id }) => !used.some(({ limit }) => limit.id === id));
  return [
    ...(used.length === 0 ? ["Nothing is used of any limit."] : formatTable(table).split("\n")),
    ...hidden.map(({ id, inUse, counters }) => `${id}: ${inUse - counters.length} more, less full (--rule ${id} --limit N)`),
    ...(idle.length === 0
      ? []
      : ["", "Not used:", ...formatTable(idle.map((limit) => ["", limit.id, cleanCell(whatOf(limit))])).split("\n")]),
    ...(alerts.length === 0
      ? []
      : ["", "Of late:", ...alerts.slice(0, shownAlerts).map(({ at, text }) => `  ${shortTime(at)}  ${cleanCell(text)}`)]),
  ];
}

/** All about one limit. */
export function describeLimit(limit: QuotaLimitView, now: string): string[] {
  const { id, title, source, status, routes, scope, burst, amount, windowMs, others, waits, inUse, counters } = limit;
  return [
    `${id}: ${title}`,
    `  ${whatOf(limit)} (${status}: ${source})`,
    `  routes: ${routes.join(", ")}${scope.length === 0 ? "" : `; apart for each ${scope.join(", ")}`}`,
    ...(windowMs > 0 && burst < amount ? [`  ${burst} may go at once, the rest is spread evenly`] : []),
    ...(others > 0 ? [`  ${others} are left to senders Postern does not see`] : []),
    ...(limit.countsRefused ? ["  what is refused counts as well"] : []),
    ...(limit.holds ? [] : ["  a warning only: no mail waits for it"]),
    `  since start, mail was told to wait for it ${waits} ${waits === 1 ? "time" : "times"}`,
    ...counters.flatMap((counter) => counterLines(limit, counter, now)),
    ...(inUse > counters.length ? [`  and ${inUse - counters.length} more that are less full`] : []),
  ].map(cleanCell);
}

function counterLines({ amount }: QuotaLimitView, counter: QuotaCounterView, now: string): string[] {
  const { counted, used, held, bulk, foreign, foreignSince, ratio, left, nextAt, refills, emptyAt, pausedUntil, principals } = counter;
  return [
    "",
    `${gauge(used, foreign, amount)} ${percent(ratio)}  ${forWhom(counted)}`,
    `  used ${used} of ${amount}${held === 0 ? "" : `, ${held} of them under way`}${bulk === 0 ? "" : `, ${bulk} of them bulk mail`}`,
    ...(foreign === 0
      ? []
      : [`  other senders: about ${foreign}${foreignSince === undefined ? "" : `, as told ${shortTime(foreignSince)}`}; it fades`]),
    `  left: ${left.transactional} for transactional, ${left.bulk} for bulk mail; the next may go ${clockTime(nextAt.transactional, now)}, bulk ${clockTime(nextAt.bulk, now)}`,
    ...(pausedUntil === undefined ? [] : [`  the service said that it is full: nothing goes until ${clockTime(pausedUntil, now)}`]),
    ...(refills.length === 0 ? [] : [`  comes back: ${refillWords(refills, now)}`]),
    ...(emptyAt === undefined ? [] : [`  all is back ${clockTime(emptyAt, now)}`]),
    ...(principals.length === 0
      ? []
      : [`  most by ${principals.map(({ principal, share }) => `${principal} ${percent(share)}`).join(", ")}`]),
  ];
}

/** A week for each counter, oldest left; each character is the most of its time, as a share of the limit. */
export function describeHistory({ now, everyMs, keptMs, series }: QuotaHistoryView): string[] {
  if (series.length === 0) return ["Nothing was used of any limit in the last seven days."];
  const columns = Math.ceil(keptMs / everyMs);
  const last = Math.floor(Date.parse(now) / everyMs);
  const rows = series.map(({ rule, counted, amount, points }) => {
    const top = points.reduce((most, each) => (each.used + each.foreign > most.used + most.foreign ? each : most));
    const scale = amount ?? Math.max(1, top.used + top.foreign);
    const line = Array.from({ length: columns }, () => "·");
    for (const { at, used, foreign } of points) {
      const column = columns - 1 - (last - Math.floor(Date.parse(at) / everyMs));
      const height = Math.min(heights.length - 1, Math.max(0, Math.ceil(((used + foreign) / scale) * heights.length) - 1));
      if (column >= 0 && column < columns) line[column] = heights[height] as string;
    }
    const most = `${top.used + top.foreign}${amount === undefined ? "" : ` of ${amount}`} on ${shortTime(top.at)}`;
    return [line.join(""), rule, forWhom(counted), most].map(cleanCell);
  });
  return [
    ...formatTable([[`SEVEN DAYS, ${formatDuration(everyMs)} EACH`, "LIMIT", "COUNTED FOR", "MOST"], ...rows]).split("\n"),
    "A dot: nothing was used, or the gateway did not run. Heights are shares of the limit as it is now.",
  ];
}

function refillWords(refills: QuotaCounterView["refills"], now: string): string {
  const bySecond = Map.groupBy(refills, ({ at }) => clockTime(at, now));
  return [...bySecond].map(([at, together]) => `${together.reduce((sum, { units }) => sum + units, 0)} by ${at}`).join(", ");
}

function rowOf(limit: QuotaLimitView, counter: QuotaCounterView, now: string): string[] {
  const { counted, used, foreign, ratio, left, nextAt, emptyAt, pausedUntil, principals } = counter;
  const isOpen = Date.parse(nextAt.transactional) <= Date.parse(now);
  return [
    gauge(used, foreign, limit.amount),
    percent(ratio),
    limit.id,
    forWhom(counted),
    `${used} of ${amountWords(limit.amount, limit.unit, limit.windowMs)}`,
    limit.holds ? String(left.transactional) : "warns only",
    [...(foreign > 0 ? [`${foreign} used`] : []), ...(limit.others > 0 ? [`${limit.others} kept`] : [])].join(", "),
    pausedUntil === undefined ? (isOpen ? "now" : clockTime(nextAt.transactional, now)) : `full, ${clockTime(pausedUntil, now)}`,
    emptyAt === undefined ? "" : clockTime(emptyAt, now),
    principals
      .slice(0, shownPrincipals)
      .map(({ principal, share }) => `${principal} ${percent(share)}`)
      .join(", "),
  ];
}

function whatOf({ amount, unit, windowMs }: QuotaLimitView): string {
  return amountWords(amount, unit, windowMs);
}

function forWhom(counted: string): string {
  return counted === "" ? "all mail" : counted;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `now`; the time alone today; the day as well, else. */
function clockTime(at: string, now: string): string {
  if (Date.parse(at) <= Date.parse(now)) return "now";
  const time = shortTime(at);
  return at.slice(0, 10) === now.slice(0, 10) ? time.slice(11) : time;
}
