import type { LimitRule } from "../limits/rule.ts";
import type { MailBatch } from "./mail-batch.ts";

/** A step takes no more than this share of what a limit allows in its window: so near is the forecast to one message by message. */
const share = 1 / 3;

type Sizes = Record<"messages" | "recipients" | "bytes", number>;

/** How many transactions may go as one step. */
export interface StepSizes {
  of(route: string, batch: Pick<MailBatch, "recipients" | "size">): number;
}

export function stepSizes(rules: readonly LimitRule[]): StepSizes {
  const sizes = new Map<string, Sizes>();
  for (const { routes, unit, amount, windowMs, holds } of rules) {
    if (!holds || windowMs === 0) continue;
    const kind = unit === "bytes" ? "bytes" : unit.endsWith("recipients") ? "recipients" : "messages";
    for (const { name } of routes) {
      const known = sizes.get(name) ?? { messages: Infinity, recipients: Infinity, bytes: Infinity };
      known[kind] = Math.min(known[kind], amount * share);
      sizes.set(name, known);
    }
  }
  return {
    of(route, { recipients, size }) {
      const known = sizes.get(route);
      if (known === undefined) return Infinity;
      return Math.max(1, Math.floor(Math.min(known.messages, known.recipients / recipients, known.bytes / Math.max(1, size))));
    },
  };
}
