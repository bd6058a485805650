import type { Turn } from "../queue/turn.ts";
import type { GateStatus } from "./gateway.ts";

/** The closed gates of a route, in as few words as tell them: both classes of recipients together where one limit holds them. */
export function gatesOf(turns: readonly Turn[]): readonly GateStatus[] {
  const gates: GateStatus[] = [];
  for (const { priority, recipientClass, gate } of turns) {
    const { isClosed, limit, since, until } = gate;
    if (!isClosed || limit === null) continue;
    const twin = gates.findIndex((other) => other.priority === priority && other.limit.id === limit.id && other.until === until);
    if (twin >= 0) gates[twin] = { ...(gates[twin] as GateStatus), recipients: "all" };
    else gates.push({ priority, recipients: recipientClass, since, until, limit });
  }
  return gates;
}
