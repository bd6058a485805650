import type { CounterSet } from "./counter-set.ts";

/** Units of a transaction for a set that counts only some recipients, and of these those at positions that `isMeant`. */
export function unitsOfSome(set: CounterSet, recipients: readonly string[], all: number, isMeant: (position: number) => boolean): number {
  const count = positionsOf(recipients, (address, position) => isMeant(position) && set.countsRecipient(address)).length;
  if (count === 0) return 0;
  return set.rule.rule.unit.endsWith("recipients") ? Math.min(count, all) : all;
}

/** Positions of the recipients that are meant. */
export function positionsOf(recipients: readonly string[], isMeant: (address: string, position: number) => boolean): number[] {
  return recipients.flatMap((address, position) => (isMeant(address, position) ? [position] : []));
}
