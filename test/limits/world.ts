import { ruleOf } from "../../src/limits/support.ts";
import type { LimitRule, LimitUnit, ScopeKey } from "../../src/limits/rule.ts";

/** Draws the rules and the mail of a schedule. */
export class Chance {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** 0 ≤ value < below. */
  below(below: number): number {
    return this.#random() * below;
  }

  /** A whole number from `from` to `to`. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  is(share: number): boolean {
    return this.#random() < share;
  }

  of<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }
}

export const routes = ["one", "two", "three"] as const;
const domains = ["fabrikam.example", "outlook.example"] as const;

export interface Mail {
  readonly route: string;
  readonly principal: string;
  readonly priority: "transactional" | "bulk";
  readonly sender: string;
  readonly reversePath: string;
  readonly recipients: readonly string[];
  readonly external: number;
  readonly size: number;
}

/** `isAlike`: most of it is counted together, whatever the rule counts apart. */
export function drawMail(chance: Chance, users: number, most: number, isAlike: boolean): Mail {
  if (isAlike && chance.is(0.9)) return alike(chance);
  const isExternal = chance.is(0.7);
  const count = chance.is(0.6) ? 1 : chance.whole(1, most);
  const recipients = new Set(Array.from({ length: count }, () => `user${chance.whole(1, users)}@${chance.of(domains)}`));
  const sender = `app${chance.whole(1, 2)}@${chance.of(["contoso.example", "contoso.onmicrosoft.example"])}`;
  return {
    route: chance.of(routes),
    principal: chance.of(["erp", "crm", "scanner"]),
    priority: chance.of(["transactional", "bulk"]),
    sender,
    reversePath: chance.is(0.1) ? "" : sender,
    recipients: [...recipients],
    external: isExternal ? recipients.size : 0,
    size: chance.whole(100, 5000),
  };
}

function alike(chance: Chance): Mail {
  const sender = "app1@contoso.onmicrosoft.example";
  const recipients = ["user1@outlook.example"];
  const priority = chance.of(["transactional", "bulk"] as const);
  return { route: "one", principal: "erp", priority, sender, reversePath: sender, recipients, external: 1, size: chance.whole(100, 5000) };
}

const units: readonly LimitUnit[] = ["messages", "recipients", "external-recipients", "bytes", "requests"];
const scopes: readonly (readonly ScopeKey[])[] = [
  [],
  [],
  [],
  ["principal"],
  ["sender-domain"],
  ["recipient"],
  ["sender-recipient"],
  ["principal", "recipient"],
];

/** `pace`: units of traffic that a window may see, so that limits are met and not met. */
export function drawRules(chance: Chance, baseMs: number, pace: number): readonly LimitRule[] {
  return Array.from({ length: chance.whole(1, 6) }, (_, number): LimitRule => {
    const unit = chance.of(units);
    const isAtOnce = chance.is(0.15) && unit !== "bytes";
    const windowMs = isAtOnce ? 0 : Math.round(baseMs * chance.of([0.3, 1, 1, 2, 5]));
    const amount = isAtOnce ? chance.whole(1, 4) : unit === "bytes" ? chance.whole(5000, pace * 4000) : chance.whole(1, pace * 2);
    const scope = isAtOnce ? [] : chance.of(scopes);
    return ruleOf({
      id: `rule-${number}`,
      unit: isAtOnce ? "messages" : unit,
      amount,
      windowMs,
      scope,
      routes: routes
        .filter((_, i) => i === 0 || chance.is(0.6))
        .map((name) => ({ name, counted: chance.is(0.7) ? "mailbox a" : "mailbox b" })),
      countsRefused: chance.is(0.3),
      burst: chance.is(0.6) ? amount : chance.whole(1, amount),
      others: chance.is(0.2) ? chance.below(0.5) : 0,
      shares: chance.is(0.5) ? { transactional: 0.01, bulk: 0.1 } : { transactional: 0, bulk: 0 },
      holds: chance.is(0.95),
      fullCodes: chance.is(0.5) ? ["quota.mailbox"] : [],
      ...(chance.is(0.15) ? { authors: ["@contoso.onmicrosoft.example"] } : {}),
      ...(chance.is(0.1) ? { reversePaths: ["app1@contoso.example"] } : {}),
      ...(chance.is(0.15) && !isAtOnce ? { recipientDomains: ["outlook.example"] } : {}),
    });
  });
}
