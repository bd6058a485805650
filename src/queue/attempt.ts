import type { Clock } from "../lib/clock.ts";
import type { Envelope } from "../mail/envelope.ts";
import { failure } from "../mail/failure-codes.ts";
import type { Failure } from "../mail/failure.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Delivery, DeliverySession, Route } from "../routes/route.ts";
import type { Job } from "./job.ts";
import type { QueueLog } from "./queue-log.ts";
import type { Attempt } from "./store.ts";

/** One call of a route, when what admits it, and that it begins, is durable. Never rejects: a route that throws has a bug (or was told to stop), and its recipients are delayed. */
export async function attemptJob(
  route: Route,
  job: Job,
  ready: Promise<void> | null,
  { clock, log, begin }: { readonly clock: Clock; readonly log: QueueLog; readonly begin: (job: Job) => Promise<void> },
  signal: AbortSignal,
): Promise<{ readonly delivery: Delivery; readonly attempt: Attempt }> {
  const at = clock.now();
  const started = performance.now();
  let delivery: Delivery;
  try {
    // Both go to the store in one turn, so they share a commit.
    const begun = route.traits.inDoubt === "wait" ? begin(job) : null;
    const first = ready === null || begun === null ? (ready ?? begun) : Promise.all([ready, begun]);
    // What cannot be accounted for may not be sent.
    if (first !== null && !(await isDone(first, log)))
      return { delivery: allDelayed(job, failure("spool.unavailable")), attempt: attemptOf(at, 0, route.name, { remote: "" }) };
    delivery = await route.deliver(
      { messageId: job.message.id, envelope: envelopeOf(job), recipients: job.recipients, content: job.content },
      signal,
    );
  } catch (error) {
    if (!signal.aborted) log.fault(`route ${route.name}`, error);
    delivery = allDelayed(job, failure(signal.aborted ? "system.shutting-down" : "system.fault"));
  }
  return { delivery, attempt: attemptOf(at, Math.round(performance.now() - started), route.name, delivery.session) };
}

async function isDone(ready: Promise<unknown>, log: QueueLog): Promise<boolean> {
  try {
    await ready;
    return true;
  } catch (error) {
    log.fault("attempt", error);
    return false;
  }
}

function envelopeOf({ message, recipients }: Job): Envelope {
  return {
    reversePath: message.reversePath,
    recipients,
    ...(message.envid === undefined ? {} : { envid: message.envid }),
    ...(message.ret === undefined ? {} : { ret: message.ret }),
    ...(message.smtputf8 === undefined ? {} : { smtputf8: message.smtputf8 }),
  };
}

function attemptOf(at: number, durationMs: number, route: string, session: DeliverySession): Attempt {
  const { remote, address, tls, verified, security, securityNote } = session;
  return {
    at,
    durationMs,
    route,
    remote,
    ...(address === undefined ? {} : { address }),
    ...(tls === undefined ? {} : { tls }),
    ...(verified === undefined ? {} : { verified }),
    ...(security === undefined ? {} : { security }),
    ...(securityNote === undefined ? {} : { securityNote }),
  };
}

function allDelayed({ recipients }: Job, reason: Failure): Delivery {
  const outcome: Outcome = { action: "delayed", failure: reason };
  return { outcomes: new Map(recipients.map((recipient) => [recipient, outcome])), session: { remote: "" } };
}
