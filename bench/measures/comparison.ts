import { spreadOf, ratioOf, type Spread } from "../statistics.ts";

/** Both peers took turns; figure N of one belongs to figure N of the other. */
export interface Comparison {
  readonly postern: Spread;
  readonly postfix: Spread;
  readonly ratio: Spread;
}

export function compare<T>(postern: readonly T[], postfix: readonly T[], figure: (round: T) => number): Comparison {
  const [ours, theirs] = [postern.map(figure), postfix.map(figure)];
  return { postern: spreadOf(ours), postfix: spreadOf(theirs), ratio: ratioOf(ours, theirs) };
}

export interface Turn {
  /** Share of the machine that others used meanwhile. */
  readonly noise: number;
}

/** Above this share a turn says more about the others than about the peer. */
export const mostNoise = 0.1;
/** Turns at most for one figure. */
export const mostTries = 3;

/**
 * Runs `rounds` rounds in which both have a turn each; who begins alternates. A turn that others disturbed is taken again, at most twice;
 * the quietest counts.
 */
export async function takeTurns<P, T extends Turn>(
  [first, second]: readonly [P, P],
  rounds: number,
  turn: (peer: P, round: number) => Promise<T>,
): Promise<readonly [readonly T[], readonly T[]]> {
  const results: [T[], T[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      let quietest: T | null = null;
      for (let tries = 0; tries < mostTries && (quietest === null || quietest.noise > mostNoise); tries++) {
        const result = await turn(which === 0 ? first : second, round);
        if (quietest === null || result.noise < quietest.noise) quietest = result;
      }
      results[which].push(quietest as T);
    }
  }
  return results;
}
