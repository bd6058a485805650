import { domainOf } from "../mail/address.ts";
import type { Recipient } from "../mail/envelope.ts";
import type { Decision } from "../routing/decide.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { jobOverhead } from "./job.ts";
import type { Lane, LaneBook } from "./lanes.ts";
import type { NewRecipient, Operation, StoredMessage, StoredRecipient, TraceEvent } from "./store.ts";

/** A recipient with the decision about it. */
export interface Addressed {
  readonly recipient: Recipient;
  readonly decision: Decision;
}

/** A message to accept. */
export interface NewMessage {
  readonly message: StoredMessage;
  readonly body: Uint8Array | null;
  readonly addressed: readonly Addressed[];
  /** Not to be attempted before; absent: at once. */
  readonly notBefore?: number;
  /** For the trace. */
  readonly event?: TraceEvent;
}

/** Recipients of a new message that share a lane, and what is to become of them once they are durable. */
export interface Admission {
  readonly lane: Lane;
  readonly state: "queued" | "leased" | "held";
  /** Bytes reserved in memory when leased. */
  readonly weight: number;
  readonly recipients: StoredRecipient[];
  /** Not to be attempted before. */
  readonly notBefore: number;
}

export interface AdmissionPorts {
  readonly dispatcher: Dispatcher;
  readonly lanes: LaneBook;
  /** Keys of decisions that the store has. */
  readonly decisions: ReadonlySet<string>;
  readonly now: number;
  /** Later than now: the message waits until then. */
  readonly notBefore?: number;
}

/**
 * Groups the recipients of a new message by lane and decides which are leased at once: those go straight to a route after the commit, the
 * others wait in the store. Adds the operations that store the message, its decisions and its lanes. Every leased admission holds a
 * reservation at the dispatcher, to be used or cancelled.
 */
export function admit(
  message: StoredMessage,
  body: Uint8Array | null,
  addressed: readonly Addressed[],
  operations: Operation[],
  { dispatcher, lanes, decisions, now, notBefore = now }: AdmissionPorts,
): readonly Admission[] {
  const admissions: Admission[] = [];
  const recipients: NewRecipient[] = [];
  for (let n = 0; n < addressed.length; n++) {
    const { recipient, decision } = addressed[n] as Addressed;
    const { candidates } = decision;
    if (!decisions.has(decision.key)) operations.push({ op: "decision", key: decision.key, decision });
    let admission = admissions.find(({ lane }) => lanes.isLaneOf(lane, message, decision));
    if (admission === undefined) {
      const lane = lanes.find(message, decision, domainOf(recipient.address));
      if (!lane.stored) operations.push({ op: "decision", key: `lane:${lane.id}`, decision: lane.description });
      const weight = (body?.length ?? 0) + jobOverhead;
      const state = candidates.length === 0 ? "held" : notBefore <= now && dispatcher.hasRoom(lane, weight) ? "leased" : "queued";
      if (state === "leased") dispatcher.reserve(lane, weight);
      admission = { lane, weight, state, recipients: [], notBefore };
      admissions.push(admission);
    }
    const { lane, state } = admission;
    const stored: StoredRecipient = {
      n,
      address: recipient.address,
      lane: lane.id,
      decision: decision.key,
      attempts: 0,
      notBefore,
      ...(recipient.notify === undefined ? {} : { notify: recipient.notify }),
      ...(recipient.orcpt === undefined ? {} : { orcpt: recipient.orcpt }),
    };
    admission.recipients.push(stored);
    recipients.push({ ...stored, state });
  }
  operations.push({ op: "accept", message, body, recipients });
  return admissions;
}
