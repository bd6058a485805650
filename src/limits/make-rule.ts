import { ruleAsOf, type Fact } from "../services/fact.ts";
import type { Overrides } from "../services/profile-as-of.ts";
import type { LimitRule } from "./rule.ts";

type Given = Pick<LimitRule, "id" | "title" | "unit" | "amount" | "windowMs" | "routes" | "source" | "status"> & Partial<LimitRule>;

/** A rule; what is not given is as most limits have it. Shares are the configuration's: rules-as-of.ts. */
export function limitRule(given: Given): LimitRule {
  return {
    scope: [],
    countsRefused: false,
    burst: given.amount,
    others: 0,
    shares: { transactional: 0, bulk: 0 },
    holds: true,
    fullCodes: [],
    ...given,
  };
}

/** A fact's whole number on a day, an override before it; null: no limit, or none that is published for that day. */
export function amountAsOf(fact: Fact<unknown>, day: string, overrides: Overrides): number | null {
  return wholeAmount(overrides.has(fact.id) ? overrides.get(fact.id) : ruleAsOf(fact, day)?.value);
}

/** What is nothing at all is no limit but a prohibition: routing knows of it. */
export function wholeAmount(value: unknown): number | null {
  return typeof value === "number" && value >= 1 ? Math.floor(value) : null;
}

/** What a rule says of where it comes from. */
export function sourceAsOf(fact: Fact<unknown>, day: string, overrides: Overrides): Pick<LimitRule, "id" | "title" | "source" | "status"> {
  const { id, title } = fact;
  if (overrides.has(id)) return { id, title, source: "configuration", status: "configured" };
  // Before its first day: what reached some earlier had the same.
  const { source = "", sourceDate = "", status = "unverified" } = ruleAsOf(fact, day) ?? fact.rules[0] ?? {};
  return { id, title, source: `${source}, ${sourceDate}`, status };
}
