import type { Failure } from "./failure.ts";
import { failure, type FailureChanges, type FailureCode } from "./failure-codes.ts";

/**
 * Thrown on the way in, from however deep, and rendered once at the door's edge. Anything else that is thrown is a bug: logged with its
 * stack and answered as `system.fault`.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly failure: Failure;

  /** @param cause the private reason: logged, never shown. */
  constructor(reason: Failure, cause?: unknown) {
    super(`${reason.code}: ${reason.text}`, cause === undefined ? undefined : { cause });
    this.failure = reason;
  }
}

/** Shorthand for the usual case. */
export function refuse(code: FailureCode, changes?: FailureChanges): Refusal {
  return new Refusal(failure(code, changes));
}
