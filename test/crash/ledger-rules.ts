import { dayMs, ruleOf } from "../../src/limits/support.ts";

/** So much that a few rounds of a second do not reach it, and little enough that floors and chunks matter. */
export const ledgerRules = [
  ruleOf({ id: "test.day", amount: 20_000, windowMs: dayMs }),
  ruleOf({ id: "test.pair", amount: 2000, windowMs: dayMs, unit: "messages", scope: ["sender-recipient"] }),
] as const;

export const users = Array.from({ length: 5 }, (_, number) => `user${number}@fabrikam.example`);
