import type { FailureCode } from "../mail/failure-codes.ts";
import type { Counter } from "./counter.ts";
import { wholeMessage, type Taken } from "./reservation.ts";

/**
 * The counters that a quota reply was about. Several rules may have its code: the fullest is meant, of those that count the message, and for
 * each recipient that it was said of, of those that count him.
 */
export function fullestOf(taken: Taken, code: FailureCode, positions: readonly number[]): readonly Counter[] {
  const best = new Map<number, Counter>();
  const consider = (counter: Counter, position: number): void => {
    if (!counter.rule.rule.fullCodes.includes(code)) return;
    const other = best.get(position);
    if (other === undefined || ratio(counter) > ratio(other)) best.set(position, counter);
  };
  for (const counter of taken.fixed) consider(counter, wholeMessage);
  for (let i = 0; i < taken.count; i++) {
    const position = taken.positions[i] as number;
    if (position === wholeMessage || positions.includes(position)) consider(taken.counters[i] as Counter, position);
  }
  return [...best.values()];
}

function ratio({ used, rule }: Counter): number {
  return used / rule.rule.amount;
}
