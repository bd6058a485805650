import { formatSize } from "../lib/units.ts";

/** What is told of a routing decision; routing/decide.ts makes them and the store keeps them. */
export interface DecisionFacts {
  /** Names the routing configuration that decided. */
  readonly generation: string;
  /** An operator's pin that holds for it. */
  readonly pin?: {
    readonly id: string;
    readonly route: string;
    /** Of this message alone. */
    readonly message?: number;
    readonly by: string;
    readonly at: number;
    readonly until?: number;
    readonly carried: boolean;
  };
  readonly rule: string | null;
  /** The conditions of that rule, which all held. */
  readonly conditions: object;
  readonly recipientClass: string;
  readonly dsn: boolean;
  readonly candidates: readonly string[];
  /** Those for failures only. */
  readonly fallbacks?: readonly string[];
  readonly rejected: readonly { readonly route: string; readonly reason: string; readonly senders?: readonly string[] }[];
  /** How the routes were put in order; absent: as the rule lists them. */
  readonly order?: string;
  readonly passedOver: readonly { readonly rule: string; readonly condition: string }[];
}

/** One line. */
export function summariseDecision({ rule, candidates, recipientClass, pin }: DecisionFacts): string {
  if (pin?.carried === true) return `A pin of an operator sends it by ${candidates.map((route) => `"${route}"`).join(", then ")}.`;
  if (rule === null) return `No routing rule matches this ${recipientClass} recipient.`;
  if (candidates.length === 0) return `Rule "${rule}" decides, but none of its routes can carry this message.`;
  return `Rule "${rule}" sends it by ${candidates.map((route) => `"${route}"`).join(", then ")}.`;
}

export function explainDecision(decision: DecisionFacts): readonly string[] {
  const { rule, rejected, passedOver, candidates, recipientClass, dsn, pin } = decision;
  const lines = [
    recipientClass === "internal"
      ? "The recipient is internal: its domain is one of `routing.acceptedDomains`."
      : "The recipient is external: its domain is not one of `routing.acceptedDomains`.",
  ];
  if (dsn) lines.push("The message is a notification of our own (null reverse-path).");
  if (pin !== undefined) {
    const end = pin.until === undefined ? "" : ` until ${new Date(pin.until).toISOString()}`;
    const said = `An operator (${pin.by}) pinned ${pin.message === undefined ? "it" : "this very message"} to route "${pin.route}" at ${new Date(pin.at).toISOString()}${end} (pin ${pin.id})`;
    lines.push(
      pin.carried ? `${said}: that route comes before those of the rules.` : `${said}, but that route cannot carry it: the rules decide.`,
    );
  }
  if (rule === null && pin?.carried === true) lines.push("No rule matches.");
  else if (rule === null)
    lines.push("No rule matches. Add one without `when` at the end of `routing.rules`, so that there is always a way.");
  else {
    const conditions = explainConditions(decision.conditions);
    lines.push(
      conditions.length === 0
        ? `Rule "${rule}" decides: it has no conditions, so it takes whatever comes to it.`
        : `Rule "${rule}" decides, because ${conditions.join(" and ")}.`,
    );
  }
  for (const above of passedOver)
    lines.push(
      `Rule "${above.rule}" above it does not match: ${failedConditions[above.condition] ?? `its condition \`${above.condition}\` does not hold`}.`,
    );
  if (candidates.length === 1) lines.push(`It goes by route "${candidates[0] ?? ""}".`);
  else if (candidates.length > 1)
    lines.push(
      `Its routes in order: ${candidates.map((route) => `"${route}"`).join(", ")}. The next is used when the one before it is in trouble or at a limit.`,
    );
  else if (rule !== null) lines.push("None of the rule's routes can carry this message.");
  const { fallbacks = [] } = decision;
  if (fallbacks.length > 0)
    lines.push(
      `${fallbacks.map((route) => `"${route}"`).join(", ")} ${fallbacks.length === 1 ? "is" : "are"} for trouble only, not for limits: ${
        pin?.carried === true ? "a pin wants the first" : "another sender would be shown, or the rule does not want it (`overflow`)"
      }.`,
    );
  const why = orders[decision.order ?? ""];
  if (why !== undefined && candidates.length > 1) lines.push(why);
  for (const { route, reason, senders = [] } of rejected) {
    const allowed = senders.length === 0 ? "" : `; it sends as ${senders.slice(0, 10).join(", ")}`;
    lines.push(`Route "${route}" was set aside: ${rejections[reason] ?? reason}${allowed}.`);
  }
  lines.push(`Decided with routing configuration ${decision.generation}.`);
  return lines;
}

const failedConditions: Readonly<Record<string, string>> = {
  class: "it is for another class of recipients (`class`)",
  principals: "the one who submitted is not among its `principals`",
  reversePaths: "the sender's address is not among its `reversePaths`",
  recipientDomains: "the recipient's domain is not among its `recipientDomains`",
  sizeOver: "the message is too small for it (`sizeOver`)",
  sizeUnder: "the message is too large for it (`sizeUnder`)",
};

const orders: Readonly<Record<string, string>> = {
  cheapest: "The rule puts the cheapest first; a price that is not known comes last.",
  truest: "The rule puts the route first that changes least about the message.",
};

const rejections: Readonly<Record<string, string>> = {
  "unknown-route": "there is no route of that name",
  "too-large": "the message is larger than it takes",
  "null-reverse-path": "it cannot send with the null reverse-path",
  "external-recipient": "it reaches internal recipients only",
  "internal-recipient": "it reaches external recipients only",
  smtputf8: "it cannot carry internationalised addresses",
  "sender-not-allowed": "it may not send as this sender",
};

function explainConditions(conditions: object): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(conditions) as [string, unknown][]) {
    if (value === undefined) continue;
    lines.push(conditionWords[name]?.(value) ?? `\`${name}\` holds`);
  }
  return lines;
}

const conditionWords: Readonly<Record<string, (value: unknown) => string>> = {
  class: (value) => (value === "dsn" ? "the message is a notification of our own" : `the recipient is ${String(value)}`),
  principals: (value) => `the one who submitted is among ${listOf(value)}`,
  reversePaths: (value) => `the sender's address fits ${listOf(value)}`,
  recipientDomains: (value) => `the recipient's domain fits ${listOf(value)}`,
  sizeOver: (value) => `the message is larger than ${sizeOf(value)}`,
  sizeUnder: (value) => `the message is not larger than ${sizeOf(value)}`,
};

function listOf(value: unknown): string {
  return Array.isArray(value) ? value.map(String).join(" or ") : String(value);
}

function sizeOf(value: unknown): string {
  return typeof value === "number" ? formatSize(value) : String(value);
}
