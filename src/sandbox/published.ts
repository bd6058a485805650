import { ruleAsOf, type Fact } from "../services/fact.ts";
import type { OverrideMap } from "../services/overrides.ts";

/**
 * What is published for the day of a moment of the policy clock, or what sandbox.yaml says in its place (`services`, as in postern.yaml). The
 * values come from services/, so that they stand in one place with their sources; counting against them is the sandbox's own.
 */
export class Published {
  readonly #overrides: OverrideMap;

  constructor(overrides: OverrideMap) {
    this.#overrides = overrides;
  }

  /** What sandbox.yaml says in the fact's place; null is no limit; undefined: nothing. */
  override(fact: Fact<unknown>): unknown {
    return this.#overrides.get(fact.id)?.value;
  }

  /** null: nothing holds on that day. */
  find<T>(fact: Fact<T>, now: number): T | null {
    const override = this.override(fact);
    // The configuration has checked that it is of the fact's kind.
    if (override !== undefined) return override as T;
    return ruleAsOf(fact, new Date(now).toISOString().slice(0, 10))?.value ?? null;
  }

  /** @throws Error when nothing holds on that day: a gap in the catalogue. */
  value<T>(fact: Fact<T>, now: number): T {
    const value = this.find(fact, now);
    if (value === null) throw new Error(`${fact.id}: nothing is published for ${new Date(now).toISOString()}`);
    return value;
  }

  /** A limit that is a number; none: Infinity. */
  limit(fact: Fact<unknown> | undefined, now: number): number {
    const value = fact === undefined ? null : this.find(fact, now);
    return typeof value === "number" ? value : Infinity;
  }
}
