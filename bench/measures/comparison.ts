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

/** Runs `rounds` rounds in which both have a turn each; who begins alternates. */
export async function takeTurns<P, T>(
  [first, second]: readonly [P, P],
  rounds: number,
  turn: (peer: P, round: number) => Promise<T>,
): Promise<readonly [readonly T[], readonly T[]]> {
  const results: [T[], T[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      results[which].push(await turn(which === 0 ? first : second, round));
  }
  return results;
}
