import type { RecipientState } from "../../queue/store.ts";

/** Recipient states as the database has them. The order matters: waiting ones are below 4, final ones from 4 on. */
export const stateNames = [
  "queued",
  "leased",
  "inDoubt",
  "held",
  "relayed",
  "failed",
  "expired",
  "cancelled",
] as const satisfies readonly RecipientState[];

export const stateCodes = {
  queued: 0,
  leased: 1,
  inDoubt: 2,
  held: 3,
  relayed: 4,
  failed: 5,
  expired: 6,
  cancelled: 7,
} as const satisfies Record<RecipientState, number>;

export const firstFinal = stateCodes.relayed;

export function stateName(code: number): RecipientState {
  const name = stateNames[code];
  if (name === undefined) throw new Error(`unknown recipient state ${code} in the store`);
  return name;
}
