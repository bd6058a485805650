import { domainOf } from "../mail/address.ts";
import type { Decision } from "../routing/decide.ts";
import type { Lane, LaneBook } from "./lanes.ts";
import type { ClaimedMessage, Operation, StoredMessage, StoredRecipient } from "./store.ts";

export interface ReroutePorts {
  readonly lanes: LaneBook;
  /** Keys of decisions that the store has. */
  readonly decisions: ReadonlySet<string>;
  readonly decide: (message: StoredMessage, address: string) => Decision;
}

export interface Rerouted {
  /** Recipients by the lane that is theirs now; null: no route takes them any more. */
  readonly groups: ReadonlyMap<Lane | null, readonly StoredRecipient[]>;
  /** What the store must learn: decisions and lanes, so that `why` tells what holds. Usually nothing. */
  readonly operations: readonly Operation[];
}

/** What is claimed is routed anew, for rules, pins and routes may have changed since it was stored. */
export function reroute({ message, recipients }: ClaimedMessage, claimedLane: Lane, ports: ReroutePorts): Rerouted {
  const groups = new Map<Lane | null, StoredRecipient[]>();
  const operations: Operation[] = [];
  const changed = new Map<string, number[]>();
  for (const recipient of recipients) {
    const decision = ports.decide(message, recipient.address);
    const lane = laneFor(decision, message, recipient, claimedLane, ports, operations);
    const same = decision.key === recipient.decision;
    if (!same) noteChange(decision, recipient.n, changed, ports, operations);
    const now = same ? recipient : { ...recipient, decision: decision.key };
    const group = groups.get(lane);
    if (group === undefined) groups.set(lane, [now]);
    else group.push(now);
  }
  for (const [decision, numbers] of changed) operations.push({ op: "rerouted", messageId: message.id, recipients: numbers, decision });
  return { groups, operations };
}

function laneFor(
  decision: Decision,
  message: StoredMessage,
  { address }: StoredRecipient,
  claimedLane: Lane,
  { lanes }: ReroutePorts,
  operations: Operation[],
): Lane | null {
  if (decision.candidates.length === 0) return null;
  if (lanes.isLaneOf(claimedLane, message, decision)) return claimedLane;
  const lane = lanes.find(message, decision, domainOf(address));
  if (!lane.stored) {
    lane.stored = true;
    operations.push({ op: "decision", key: `lane:${lane.id}`, decision: lane.description });
  }
  return lane;
}

function noteChange(
  decision: Decision,
  n: number,
  changed: Map<string, number[]>,
  { decisions }: ReroutePorts,
  operations: Operation[],
): void {
  const others = changed.get(decision.key);
  if (others !== undefined) {
    others.push(n);
    return;
  }
  changed.set(decision.key, [n]);
  if (!decisions.has(decision.key)) operations.push({ op: "decision", key: decision.key, decision });
}
