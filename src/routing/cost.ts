import type { CarryTraits } from "./carry.ts";

/** US dollars for this message to one recipient; 0: in the licence; null: not known. */
export function costOf({ price }: Pick<CarryTraits, "price">, size: number): number | null {
  if (price === undefined) return null;
  return price === null ? 0 : price.perRecipientUsd + (price.perMegabyteUsd * size) / 1_000_000;
}
