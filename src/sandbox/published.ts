import { ruleAsOf, type Fact } from "../services/fact.ts";

/**
 * What is published for the day of a moment of the policy clock. The values come from services/, so that they stand in one place with their
 * sources; counting against them is the sandbox's own.
 *
 * @throws Error when nothing holds on that day: a gap in the catalogue
 */
export function published<T>(fact: Fact<T>, now: number): T {
  const rule = ruleAsOf(fact, new Date(now).toISOString().slice(0, 10));
  if (rule === null) throw new Error(`${fact.id}: nothing is published for ${new Date(now).toISOString()}`);
  return rule.value;
}

/** A limit that is a number; none: Infinity. */
export function publishedLimit(fact: Fact<unknown> | undefined, now: number): number {
  const value = fact === undefined ? null : published(fact, now);
  return typeof value === "number" ? value : Infinity;
}
