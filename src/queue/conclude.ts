import { failure } from "../mail/failure-codes.ts";
import type { Failure } from "../mail/failure.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Delivery } from "../routes/route.ts";
import { defaultCircuit } from "../routing/circuit.ts";
import type { Clock } from "../lib/clock.ts";
import type { Job } from "./job.ts";
import type { Notice } from "./notices.ts";
import type { QueueOptions } from "./options.ts";
import type { Outlet } from "./outlet.ts";
import type { QueueLog } from "./queue-log.ts";
import { quotaReply } from "./settle-reservation.ts";
import { judge } from "./settlement.ts";
import type { Attempt, Operation, Settlement, StoredRecipient } from "./store.ts";

/** Turns what a route answered into durable state, notices and the health of the route. */
export type Conclude = (
  outlet: Outlet,
  job: Job,
  delivery: Delivery,
  attempt: Attempt,
  /** When those whom a quota reply spoke of may be sent again, by the account of a limit; null: no limit that is known has said no. */
  limitedUntil: number | null,
) => void;

export interface ConcludePorts {
  readonly clock: Clock;
  readonly log: QueueLog;
  readonly options: QueueOptions;
  readonly random: () => number;
  /** Writes the operations, with the notices (DSNs) in the same commit; then tells the lane of what is queued again. */
  readonly settle: (
    job: Pick<Job, "message" | "content" | "lane">,
    operations: Operation[],
    notices: readonly Notice[],
    requeuedAt: number | null,
  ) => void;
  /** `limited`: it was only at a limit. */
  readonly alternative: (job: Job, failed: Outlet, limited: boolean) => Outlet | null;
  /** Whether there is a candidate that was not tried and is only out of service for now. */
  readonly mayWait: (job: Job, failed: Outlet) => boolean;
  readonly moveOver: (job: Job, outlet: Outlet) => void;
  readonly opened: (outlet: Outlet, reason: Failure) => void;
}

/** Refusals that are about what a route can carry, so that another route may well take the message. */
const capability = new Set<Failure["code"]>(["remote.too-large", "remote.no-8bitmime", "remote.no-smtputf8"]);

const unanswered = failure("system.fault");

export function createConclude(ports: ConcludePorts): Conclude {
  return (outlet, job, delivery, attempt, limitedUntil) => {
    const now = ports.clock.now();
    const { circuit, route } = outlet;
    const isLimited = limitedUntil !== null;
    const trouble = routeTrouble(delivery, isLimited);
    const opened = trouble !== null && circuit.troubled(trouble, now);
    if (trouble === null) circuit.succeeded();
    if (opened) outlet.openings++;
    const next = ports.alternative(job, outlet, isLimited);

    const settlements: Settlement[] = [];
    const notices: Notice[] = [];
    const movers: StoredRecipient[] = [];
    let { maySucceedLater } = job;
    let requeuedAt: number | null = null;
    let lastText = "";
    const facts = {
      now,
      options: ports.options,
      traits: route.traits,
      routeRetryAt: circuit.state === "open" ? circuit.retryAt : now + defaultCircuit.firstMs,
      random: ports.random(),
    };
    for (const recipient of job.recipients) {
      let outcome: Outcome = delivery.outcomes.get(recipient) ?? { action: "delayed", failure: unanswered };
      // The account of the limit knows when it has room; the circuit's wait is for trouble.
      if (limitedUntil !== null && outcome.action === "delayed" && outcome.notBefore === undefined && quotaReply(outcome) !== null)
        outcome = { ...outcome, notBefore: limitedUntil };
      if (next !== null && outcome.action !== "relayed" && mayMoveOver(outcome, recipient)) {
        movers.push(recipient);
        if (!capability.has(outcome.failure.code)) maySucceedLater = true;
        lastText = outcome.failure.text;
        continue;
      }
      // What this route cannot carry does not fail while another, which may well carry it, is out of service.
      if (outcome.action === "failed" && capability.has(outcome.failure.code) && (job.maySucceedLater || ports.mayWait(job, outlet)))
        outcome = { action: "delayed", failure: { ...outcome.failure, permanent: false } };
      const { settlement, failure: reason } = judge(job.message, recipient, outcome, facts);
      // Routed anew since it was stored: it waits where this lane looks for it.
      settlements.push(settlement.to === "queued" && recipient.lane !== job.lane.id ? { ...settlement, lane: job.lane.id } : settlement);
      lastText = reason?.text ?? settlement.text ?? "";
      switch (settlement.to) {
        case "relayed":
          outlet.relayed++;
          if (attempt.security !== undefined) outlet.relayedBy[attempt.security]++;
          ports.log.relayed(job.message, recipient, attempt, settlement.text ?? "");
          // RFC 3461 §5.2.2: when the next hop speaks DSN, success is its to report; else we say how far it got.
          if (recipient.notify?.success === true && delivery.session.dsn !== true) {
            notices.push({
              kind: "relayed",
              recipient,
              ...(settlement.text === undefined ? {} : { text: settlement.text }),
              remote: attempt.remote,
            });
          }
          break;
        case "failed":
          outlet.failed++;
          ports.log.failed(job.message, recipient, attempt, reason ?? unanswered);
          notices.push({ kind: "failure", recipient, failure: reason ?? unanswered, remote: attempt.remote });
          break;
        case "expired":
          ports.log.expired(job.message, recipient, reason ?? unanswered);
          notices.push({ kind: "failure", recipient, failure: reason ?? unanswered, remote: attempt.remote });
          break;
        case "inDoubt":
          ports.log.inDoubt(job.message, recipient, attempt, reason ?? unanswered);
          break;
        case "queued": {
          outlet.delayed++;
          const due = settlement.notBefore ?? now;
          requeuedAt = requeuedAt === null ? due : Math.min(requeuedAt, due);
          ports.log.delayed(job.message, recipient, attempt, reason ?? unanswered, due);
          if (delayIsWorthTelling(job.message.receivedAt, recipient, now, ports.options.delayNoticeMs)) {
            notices.push({ kind: "delay", recipient, failure: reason ?? unanswered, remote: attempt.remote });
          }
          break;
        }
        default:
          break;
      }
    }
    outlet.lastText = lastText;
    outlet.lastAt = now;

    const operations: Operation[] = [];
    if (settlements.length > 0) operations.push({ op: "settle", messageId: job.message.id, recipients: settlements, attempt });
    if (movers.length > 0 && next !== null) {
      const text = `${route.name} (${attempt.remote}) did not take it: ${lastText}; going on with ${next.route.name}`;
      operations.push({
        op: "event",
        messageId: job.message.id,
        event: { at: now, what: "route-switched", text, recipients: movers.map((recipient) => recipient.n) },
      });
    }
    ports.settle(job, operations, notices, requeuedAt);
    if (movers.length > 0 && next !== null) {
      ports.moveOver({ ...job, recipients: movers, tried: [...job.tried, route.name], maySucceedLater }, next);
    }
    if (opened && trouble !== null) ports.opened(outlet, trouble);
  };
}

/** The first failure that speaks of the route as a whole; null when something shows that the route works. */
function routeTrouble({ outcomes }: Delivery, isLimited: boolean): Failure | null {
  let trouble: Failure | null = null;
  for (const outcome of outcomes.values()) {
    if (outcome.action === "relayed") return null;
    // A limit that is accounted for closes a gate, not the circuit.
    if (isLimited && quotaReply(outcome) !== null) return null;
    // The tenant's quota is of external recipients only: the route goes on for the others, and HVE or ACS do not count for it.
    if (outcome.failure.scope !== "route" || outcome.failure.code === "quota.tenant") return null;
    trouble ??= outcome.failure;
  }
  return trouble;
}

function mayMoveOver(outcome: Exclude<Outcome, { action: "relayed" }>, { attempts }: StoredRecipient): boolean {
  if (outcome.action === "delayed" && outcome.inDoubt === true) return false;
  const { code, scope } = outcome.failure;
  if (scope === "destination") return code.startsWith("network.") && !outcome.failure.permanent && attempts + 1 >= destinationPatience;
  return scope === "route" || capability.has(code);
}

/**
 * From this attempt on, what cannot reach any server of a destination goes by the next route. Only what cannot be reached: a destination that
 * answers has the last word, and one that demands better encryption must not get its mail around that.
 */
const destinationPatience = 3;

function delayIsWorthTelling(receivedAt: number, recipient: StoredRecipient, now: number, afterMs: number): boolean {
  return afterMs > 0 && recipient.delayTold !== true && now - receivedAt >= afterMs;
}
