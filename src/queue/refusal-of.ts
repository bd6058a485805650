import { failure } from "../mail/failure-codes.ts";
import { Refusal } from "../mail/refusal.ts";
import { StoreFailed, StoreFull } from "./store.ts";

/** A fault of the store as what the client is told; anything else as it is. */
export function refusalOf(error: unknown): unknown {
  // A full disk is no fault: no cause, so that a flood of refusals does not fill the log with stacks.
  if (error instanceof StoreFull) return new Refusal(failure("spool.full"));
  if (error instanceof StoreFailed) return new Refusal(failure("spool.unavailable"), error);
  return error;
}
