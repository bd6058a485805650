import type { Limits } from "../limits/limits.ts";
import type { Failure } from "../mail/failure.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Delivery } from "../routes/route.ts";
import type { Pass } from "./gates.ts";
import type { Job } from "./job.ts";

type Unrelayed = Exclude<Outcome, { action: "relayed" }>;

/**
 * Tells the limits how an attempt went. What is relayed or in doubt counts as taken; a reply that said no, as refused; where nobody was asked,
 * nothing is kept.
 *
 * @returns when those whom a quota reply spoke of may be asked again; null: no reply spoke of a limit that is known
 */
export function settleReservation(
  limits: Limits,
  { request, reservation }: Pass,
  job: Job,
  { outcomes }: Delivery,
  now: number,
): number | null {
  let taken = 0;
  let refused = 0;
  const notTaken: number[] = [];
  let full: { failure: Failure; retryAt?: number; positions: number[] } | undefined;
  for (const [position, recipient] of job.recipients.entries()) {
    const outcome = outcomes.get(recipient);
    if (outcome === undefined || outcome.action === "relayed" || mayBeTaken(outcome)) {
      taken++;
      continue;
    }
    notTaken.push(position);
    if (outcome.failure.origin !== "remote") continue;
    refused++;
    const failure = quotaReply(outcome);
    if (failure === null) continue;
    const retryAt = outcome.action === "delayed" ? outcome.notBefore : undefined;
    full ??= { failure, positions: [], ...(retryAt === undefined ? {} : { retryAt }) };
    if (full.failure.code === failure.code) full.positions.push(position);
  }
  limits.settle(reservation, {
    now,
    taken,
    refused,
    asked: taken + refused > 0,
    ...(notTaken.length === 0 ? {} : { notTaken }),
    ...(full === undefined ? {} : { full }),
  });
  if (full === undefined) return null;
  const { positions } = full;
  const recipients = positions.map((position) => request.recipients[position] as string);
  const again = limits.earliest({ ...request, recipients, external: Math.min(request.external, recipients.length), now });
  return again > now ? again : null;
}

/** A route that threw may have sent before: what is not known counts. */
function mayBeTaken(outcome: Unrelayed): boolean {
  return outcome.failure.code === "system.fault" || (outcome.action === "delayed" && outcome.inDoubt === true);
}

/** A no that is about how much was sent, not about what. */
export function quotaReply(outcome: Unrelayed): Failure | null {
  const { failure } = outcome;
  if (failure.origin !== "remote") return null;
  const named = outcome.action === "delayed" && outcome.notBefore !== undefined;
  return named || failure.code.startsWith("quota.") || failure.code === "remote.throttled" ? failure : null;
}
