import type { FailureCode } from "../../mail/failure-codes.ts";

/**
 * The port behind the bounce listener: feedback/bounces implements it, the composition root brings them together.
 *
 * Duties of the desk: `check` answers at once, without I/O, and takes nothing but addresses that were made here; `take` resolves when what
 * the message says is on stable storage, and never causes mail to whoever sent it.
 */
export interface BounceDesk {
  /** Why mail to this address is not taken; null: it is. */
  check(address: string): FailureCode | null;
  /** @returns the message that it is about. @throws Refusal */
  take(returned: Returned): Promise<{ readonly id: number }>;
}

/** A message that came back. */
export interface Returned {
  /** The recipient, which `check` has taken. */
  readonly address: string;
  readonly reversePath: string | null;
  /** All of it. */
  readonly content: Buffer;
}
