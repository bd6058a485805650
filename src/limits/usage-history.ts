import type { UsageSample } from "./usage.ts";

/**
 * How much of each limit was used in the last seven days: a point for each quarter of an hour in which anything was. For people who look at a
 * limit, so the limits of single recipients are left out. No I/O; memory is bounded: so many series, each with no more points than its days.
 */
export class UsageHistory {
  readonly #series = new Map<string, Series>();
  /** Something was recorded since the last `dump`. */
  isChanged = false;

  constructor(dump: UsageHistoryDump | null = null) {
    for (const { rule, counted, points } of dump?.series ?? []) this.#add(rule, counted)?.points.push(...points);
    this.isChanged = false;
  }

  /** @param at policy-clock ms; a second record of one quarter keeps the higher figures. */
  record(at: number, samples: readonly UsageSample[]): void {
    const quarter = Math.floor(at / pointMs);
    for (const { rule, counted, used, foreign } of samples) {
      if (used + foreign === 0) continue;
      const series = this.#series.get(keyOf(rule, counted)) ?? this.#add(rule, counted);
      if (series === null) continue;
      const { points } = series;
      // The clock went back: what it had told was not so.
      while (quarterOf(points.at(-1)) > quarter) points.pop();
      const last = points.at(-1);
      if (last === undefined || last[0] < quarter) points.push([quarter, used, foreign]);
      else points[points.length - 1] = [quarter, Math.max(last[1], used), Math.max(last[2], foreign)];
      this.isChanged = true;
    }
    this.#forget(quarter);
  }

  /** The series that are meant, those with the latest points first; each point is the most of `everyMs`. */
  series({ rule, counted, most, everyMs = pointMs }: UsageHistoryQuery): readonly UsageSeries[] {
    const wanted = counted?.toLowerCase();
    return [...this.#series.values()]
      .filter(
        (series) => (rule === undefined || series.rule === rule) && (wanted === undefined || series.counted.toLowerCase().includes(wanted)),
      )
      .toSorted((one, other) => lastOf(other) - lastOf(one))
      .slice(0, most)
      .map((series) => ({ rule: series.rule, counted: series.counted, points: gathered(series.points, everyMs) }));
  }

  /** What the constructor takes. */
  dump(): UsageHistoryDump {
    this.isChanged = false;
    return { series: [...this.#series.values()] };
  }

  #add(rule: string, counted: string): Series | null {
    if (this.#series.size >= maxSeries) {
      // Whoever was seen last longest ago goes; From domains may come and go.
      const [oldest, series] = [...this.#series].reduce((a, b) => (lastOf(b[1]) < lastOf(a[1]) ? b : a));
      if (series.points.length > 0) this.#series.delete(oldest);
    }
    if (this.#series.size >= maxSeries) return null;
    const series: Series = { rule, counted, points: [] };
    this.#series.set(keyOf(rule, counted), series);
    return series;
  }

  #forget(quarter: number): void {
    for (const [key, { points }] of this.#series) {
      const kept = points.findIndex(([at]) => at > quarter - keptPoints);
      if (kept < 0) this.#series.delete(key);
      else if (kept > 0) points.splice(0, kept);
    }
  }
}

export interface UsageHistoryQuery {
  readonly rule?: string;
  /** A part of whom it is counted for, in whatever case. */
  readonly counted?: string;
  /** Series at most. */
  readonly most: number;
  /** A multiple of a quarter of an hour. */
  readonly everyMs?: number;
}

export interface UsageSeries {
  /** Id of the limit. */
  readonly rule: string;
  readonly counted: string;
  /** The oldest first; of times in which nothing was used, or nobody looked, there is none. */
  readonly points: readonly UsagePoint[];
}

export interface UsagePoint {
  /** Begin of the time, policy-clock ms. */
  readonly at: number;
  /** The most that was used at a time in it. */
  readonly used: number;
  readonly foreign: number;
}

type Point = readonly [quarter: number, used: number, foreign: number];

interface Series {
  readonly rule: string;
  readonly counted: string;
  readonly points: Point[];
}

export interface UsageHistoryDump {
  readonly series: readonly { readonly rule: string; readonly counted: string; readonly points: readonly Point[] }[];
}

export const pointMs = 15 * 60_000;
export const keptMs = 7 * 86_400_000;
const keptPoints = keptMs / pointMs;
/** About 10 MB if all of them were used all the time. */
const maxSeries = 200;

function keyOf(rule: string, counted: string): string {
  return `${rule}\n${counted}`;
}

function lastOf({ points }: Series): number {
  return quarterOf(points.at(-1));
}

function quarterOf(point: Point | undefined): number {
  return point === undefined ? -Infinity : point[0];
}

function gathered(points: readonly Point[], everyMs: number): readonly UsagePoint[] {
  const gathered: { at: number; used: number; foreign: number }[] = [];
  for (const [quarter, used, foreign] of points) {
    const at = Math.floor((quarter * pointMs) / everyMs) * everyMs;
    const last = gathered.at(-1);
    if (last?.at !== at) gathered.push({ at, used, foreign });
    else {
      last.used = Math.max(last.used, used);
      last.foreign = Math.max(last.foreign, foreign);
    }
  }
  return gathered;
}
