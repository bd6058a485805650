import { Type, type Static } from "typebox";
import { matchesAddress } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Behaviour, Stage } from "../smtp/behaviour.ts";

/**
 * Faults: misbehaviour on order, by the control API or sandbox.yaml.
 *
 * A fault says when it fits (service, addresses, stage of the dialogue) and what happens then. The first that fits acts; one with `times`
 * is gone after so many acts. Faults live in memory and end with the process or a reset.
 */
const stageSchema = Type.Union(
  [Type.Literal("connect"), Type.Literal("mail"), Type.Literal("rcpt"), Type.Literal("data"), Type.Literal("request")],
  {
    description:
      "connect: instead of the greeting; mail, rcpt: at that command; data: at the end of the data; request: a whole request of a service that speaks HTTP.",
  },
);

const matchSchema = Type.Object(
  {
    service: Type.Optional(Type.String({ maxLength: 64, description: "A service as in /api/messages, e.g. tenant-mx. Absent: each." })),
    mailFrom: Type.Optional(
      Type.String({ maxLength: 320, description: "user@domain, @domain, *.domain, `<>` for the null reverse-path, or *." }),
    ),
    rcptTo: Type.Optional(Type.String({ maxLength: 320, description: "As mailFrom; at `data` it is enough that one recipient fits." })),
    at: stageSchema,
  },
  { additionalProperties: false },
);

const replySchema = Type.String({
  // RFC 5321 §4.2: a code, a space, printable text. No line end can get in, so no reply can be forged.
  pattern: "^[45][0-9]{2} [\\x20-\\x7e]{1,400}$",
  description: "Code, enhanced status and text in one line: `451 4.3.0 try later`.",
});

const actionSchema = Type.Union([
  Type.Object(
    {
      reply: replySchema,
      retryAfterSeconds: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 86_400, description: "At request: a Retry-After, as of 429 and 503." }),
      ),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { delayMs: Type.Integer({ minimum: 1, maximum: 600_000, description: "Waits in wall time, then goes on." }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      drop: Type.Literal(true, { description: "Cuts the connection without an answer." }),
      keep: Type.Optional(
        Type.Boolean({ description: "At data: the message is kept all the same (default true), so the sender is in doubt." }),
      ),
    },
    { additionalProperties: false },
  ),
  Type.Object({ hang: Type.Literal(true, { description: "Never answers." }) }, { additionalProperties: false }),
]);

const ruleProperties = {
  match: matchSchema,
  action: actionSchema,
  times: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000_000, description: "Acts so often, then it is gone. Absent: until removed." }),
  ),
  probability: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1, description: "Acts in this share of the cases that fit. Absent: in all." }),
  ),
};

export const FaultRuleSchema = Type.Object(ruleProperties, { additionalProperties: false });
export const FaultSchema = Type.Object(
  {
    id: Type.String({ description: "For DELETE /api/faults/{id}." }),
    ...ruleProperties,
    acted: Type.Integer({ description: "How often it has acted." }),
  },
  { additionalProperties: false },
);
export type FaultRule = Static<typeof FaultRuleSchema>;
export type Fault = Static<typeof FaultSchema>;

/** What is known at a stage. */
export interface FaultCase {
  readonly service: string;
  readonly at: Stage;
  /** null is `<>`; absent before MAIL. */
  readonly mailFrom?: string | null;
  readonly recipients?: readonly string[];
}

/** How many faults may stand at a time. */
export const maxFaults = 1000;

export class Faults {
  #rules: Fault[] = [];
  #next = 1;
  readonly #random: () => number;

  /** @param random 0 up to 1; decides faults with a probability. */
  constructor(initial: readonly FaultRule[] = [], random: () => number = Math.random) {
    this.#random = random;
    for (const rule of initial) this.add(rule);
  }

  list(): readonly Fault[] {
    return this.#rules;
  }

  /** null when there are too many. */
  add(rule: FaultRule): Fault | null {
    if (this.#rules.length >= maxFaults) return null;
    const fault: Fault = { id: String(this.#next++), ...rule, acted: 0 };
    this.#rules.push(fault);
    return fault;
  }

  remove(id: string): boolean {
    const before = this.#rules.length;
    this.#rules = this.#rules.filter((rule) => rule.id !== id);
    return this.#rules.length < before;
  }

  clear(): void {
    this.#rules = [];
  }

  /** What happens in this case; null: nothing special. Counts the act. */
  find(facts: FaultCase): Behaviour | null {
    if (this.#rules.length === 0) return null;
    for (const rule of this.#rules) {
      if (!fits(rule, facts)) continue;
      if (rule.probability !== undefined && this.#random() >= rule.probability) continue;
      rule.acted++;
      if (rule.times !== undefined && rule.acted >= rule.times) this.remove(rule.id);
      return behaviourOf(rule.action);
    }
    return null;
  }
}

function fits({ match }: Fault, facts: FaultCase): boolean {
  if (match.at !== facts.at) return false;
  if (match.service !== undefined && match.service !== facts.service) return false;
  if (match.mailFrom !== undefined && (facts.mailFrom === undefined || !matchesAddress(match.mailFrom, facts.mailFrom))) return false;
  const wanted = match.rcptTo;
  return wanted === undefined || (facts.recipients ?? []).some((recipient) => matchesAddress(wanted, recipient));
}

function behaviourOf(action: FaultRule["action"]): Behaviour {
  if ("reply" in action) {
    const { retryAfterSeconds } = action;
    return { kind: "reply", reply: readReply(action.reply), ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  }
  if ("delayMs" in action) return { kind: "delay", delayMs: action.delayMs };
  if ("drop" in action) return { kind: "drop", keep: action.keep ?? true };
  return { kind: "hang" };
}

/** `451 4.3.0 text`; the schema has checked it. */
function readReply(text: string): Reply {
  return { code: Number(text.slice(0, 3)), lines: [text.slice(4)] };
}
