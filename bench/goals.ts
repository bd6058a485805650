import type { Spread } from "./statistics.ts";

/** One line of the result. */
export interface Row {
  readonly what: string;
  readonly unit: "messages/s" | "admissions/s" | "s" | "MB" | "×";
  readonly postern: Spread;
  readonly postfix?: Spread;
  /** Postern to Postfix, or to itself: with an empty queue, without limits. */
  readonly ratio?: Spread;
  /** Absent: told for information. */
  readonly goal?: Goal;
  /** What is odd about this measurement. */
  readonly remarks: readonly string[];
}

/** What must be reached at least, and what is aimed at. */
export interface Goal {
  /** Which figure is judged, by its median. */
  readonly of: "ratio" | "postern";
  readonly better: "more" | "less";
  readonly atLeast: number;
  readonly aim: number;
}

export const goals = {
  acceptKept: { of: "ratio", better: "more", atLeast: 4, aim: 8 },
  acceptOneSession: { of: "ratio", better: "more", atLeast: 1.7, aim: 2.5 },
  acceptNewConnections: { of: "ratio", better: "more", atLeast: 2.5, aim: 4 },
  accept100KB: { of: "ratio", better: "more", atLeast: 3, aim: 6 },
  accept1MB: { of: "ratio", better: "more", atLeast: 1.5, aim: 4 },
  relay: { of: "ratio", better: "more", atLeast: 4, aim: 8 },
  relaySigned: { of: "ratio", better: "more", atLeast: 2, aim: 4 },
  cpuSecondsPer1000: { of: "postern", better: "less", atLeast: 0.5, aim: 0.2 },
  memoryMB: { of: "postern", better: "less", atLeast: 400, aim: 200 },
  startSeconds: { of: "postern", better: "less", atLeast: 5, aim: 1 },
  admissions: { of: "postern", better: "more", atLeast: 200_000, aim: 1_000_000 },
  limitsMemoryMB: { of: "postern", better: "less", atLeast: 100, aim: 30 },
  forecastSeconds: { of: "postern", better: "less", atLeast: 5, aim: 1 },
  relayWithLimits: { of: "ratio", better: "more", atLeast: 0.9, aim: 0.97 },
  dispatchBesideBacklog: { of: "ratio", better: "more", atLeast: 0.8, aim: 0.95 },
} as const satisfies Record<string, Goal>;

export type Verdict = "aim reached" | "at least reached" | "MISSED" | "";

export function judge({ goal, ratio, postern }: Row): Verdict {
  if (goal === undefined) return "";
  const value = (goal.of === "ratio" ? ratio : postern)?.median ?? Number.NaN;
  const reaches = (bound: number): boolean => (goal.better === "more" ? value >= bound : value <= bound);
  return reaches(goal.aim) ? "aim reached" : reaches(goal.atLeast) ? "at least reached" : "MISSED";
}
