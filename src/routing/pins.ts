import { matchesAddress } from "../mail/address.ts";

/** An operator's word, before all rules: what it fits goes by its route first, as long as the route can carry it. The rule's routes follow. */
export interface Pin {
  readonly id: string;
  readonly route: string;
  /** What it fits: all that is given must hold. Our id of a message that waits. */
  readonly message?: number;
  readonly principal?: string;
  /** Pattern of mail/address.ts for the reverse-path. */
  readonly from?: string;
  /** Pattern of mail/address.ts for the recipient. */
  readonly to?: string;
  readonly by: string;
  /** Policy-clock ms. */
  readonly at: number;
  /** When it ends; absent: when it is removed. */
  readonly until?: number;
}

/** More would cost each recipient time: a lasting wish belongs into a rule. */
export const maxPins = 100;

export interface PinFacts {
  /** Absent: it is only just coming in, so that nobody can have pinned it. */
  readonly message?: number;
  readonly principal: string;
  readonly reversePath: string | null;
  /** Address. */
  readonly recipient?: string;
}

/** The place of the pin that holds, the newest first; -1: none. */
export function pinFor(pins: readonly Pin[], { message, principal, reversePath, recipient }: PinFacts): number {
  for (let n = pins.length - 1; n >= 0; n--) {
    const pin = pins[n] as Pin;
    if (pin.message !== undefined && pin.message !== message) continue;
    if (pin.principal !== undefined && pin.principal !== principal) continue;
    if (pin.from !== undefined && !matchesAddress(pin.from, reversePath)) continue;
    if (pin.to !== undefined && (recipient === undefined || !matchesAddress(pin.to, recipient))) continue;
    return n;
  }
  return -1;
}
