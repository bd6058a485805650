import type { LimitName } from "../limits/limits.ts";
import { failure } from "../mail/failure-codes.ts";
import type { Job } from "./job.ts";
import type { Lane } from "./lanes.ts";
import type { Operation, StoredMessage, StoredRecipient } from "./store.ts";

/** A message that expires while a limit keeps it is expired by the sweep, not by being tried: it need not come back to be refused again. */
const beyondMs = 24 * 3_600_000;

/** A leased job goes back into the store as it was, so that it keeps its place before what came later. */
export function putBack({ message, recipients, lane }: Job): Operation[] {
  const settlements = recipients.map(({ n, notBefore }) => ({
    n,
    from: "leased" as const,
    to: "queued" as const,
    notBefore,
    lane: lane.id,
  }));
  return [{ op: "settle", messageId: message.id, recipients: settlements }];
}

/** Leased recipients wait for an operator. */
export function held(message: StoredMessage, recipients: readonly StoredRecipient[], reason: string, at: number): Operation[] {
  const numbers = recipients.map(({ n }) => n);
  return [
    { op: "settle", messageId: message.id, recipients: numbers.map((n) => ({ n, from: "leased", to: "queued", notBefore: at })) },
    { op: "settle", messageId: message.id, recipients: numbers.map((n) => ({ n, from: "queued", to: "held" })) },
    { op: "event", messageId: message.id, event: { at, what: "held", text: reason, recipients: numbers } },
  ];
}

/** Puts leased recipients back until a limit has room for them. The limit is told in the trace when it is another than the last one told. */
export function postponed(
  message: StoredMessage,
  lane: Lane,
  recipients: readonly StoredRecipient[],
  notBefore: number,
  limit: LimitName,
  now: number,
): Operation[] {
  const reason = failure("limits.quota-exceeded", { advice: `${limit.id} for ${limit.counted}` });
  const isNew = recipients.filter(({ lastFailure }) => lastFailure?.code !== reason.code || lastFailure.advice !== reason.advice);
  const due = Math.min(notBefore, message.expiresAt + beyondMs);
  const settlements = recipients.map((recipient) => ({
    n: recipient.n,
    from: "leased" as const,
    to: "queued" as const,
    notBefore: due,
    lane: lane.id,
    failure: reason,
  }));
  const operations: Operation[] = [{ op: "settle", messageId: message.id, recipients: settlements }];
  if (isNew.length > 0) {
    const text = `${limit.id}: ${limit.used} of ${limit.amount} for ${limit.counted}, room at ${new Date(due).toISOString()}`;
    operations.unshift({
      op: "event",
      messageId: message.id,
      event: { at: now, what: "limited", text, recipients: isNew.map(({ n }) => n) },
    });
  }
  return operations;
}
