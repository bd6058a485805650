import { failure as makeFailure } from "../mail/failure-codes.ts";
import type { Failure } from "../mail/failure.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { RouteTraits } from "../routes/route.ts";
import type { QueueOptions } from "./options.ts";
import { retryDelayMs } from "./schedule.ts";
import type { Settlement, StoredMessage, StoredRecipient } from "./store.ts";

/**
 * What an outcome means for a recipient: the queue's policy in one pure function.
 *
 * A trouble of the whole route is not held against the message: it waits for the route (`retryAt` of its circuit), not for the growing
 * delay that its own troubles would earn it.
 */
export interface Judgement {
  readonly settlement: Settlement;
  /** The failure behind it; null when relayed. */
  readonly failure: Failure | null;
}

export interface JudgementFacts {
  readonly now: number;
  readonly options: QueueOptions;
  readonly traits: Pick<RouteTraits, "inDoubt">;
  /** When the route may be tried again, if it is in trouble. */
  readonly routeRetryAt: number | null;
  /** 0 ≤ x < 1 */
  readonly random: number;
}

export function judge(message: StoredMessage, recipient: StoredRecipient, outcome: Outcome, facts: JudgementFacts): Judgement {
  const attempts = recipient.attempts + 1;
  const { n } = recipient;
  switch (outcome.action) {
    case "relayed":
      return { settlement: { n, from: "leased", to: "relayed", attempts, text: outcome.text ?? "" }, failure: null };
    case "failed":
      return { settlement: { n, from: "leased", to: "failed", attempts, failure: outcome.failure }, failure: outcome.failure };
    case "delayed": {
      const { failure } = outcome;
      if (outcome.inDoubt === true && facts.traits.inDoubt === "wait") {
        return { settlement: { n, from: "leased", to: "inDoubt", attempts, failure }, failure };
      }
      const { now } = facts;
      if (now >= message.expiresAt) {
        const expired = expiredFailure(failure);
        return { settlement: { n, from: "leased", to: "expired", attempts, failure: expired }, failure: expired };
      }
      const wanted =
        outcome.notBefore ??
        (failure.scope === "route" && facts.routeRetryAt !== null
          ? facts.routeRetryAt
          : now + retryDelayMs(attempts, facts.options.retry, facts.random));
      // The last attempt falls on the end of the lifetime, so that nothing expires without having had its full time.
      const notBefore = Math.max(now, Math.min(wanted, message.expiresAt));
      return { settlement: { n, from: "leased", to: "queued", attempts, notBefore, failure }, failure };
    }
    default:
      return outcome satisfies never;
  }
}

/** The expiry of a message, with the words of the last real cause. */
export function expiredFailure(cause: Failure | undefined): Failure {
  if (cause === undefined) return makeFailure("message.expired");
  return makeFailure("message.expired", {
    detail: cause.detail === "0.0" ? "4.7" : cause.detail,
    text: `The message could not be passed on in time. The last reason was: ${cause.text}`,
    ...(cause.reply === undefined ? {} : { reply: cause.reply }),
    ...(cause.advice === undefined ? {} : { advice: cause.advice }),
  });
}
