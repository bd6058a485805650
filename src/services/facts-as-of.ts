import { isWithdrawn, ruleAsOf, type Fact, type Rule } from "./fact.ts";
import type { Override, OverrideMap } from "./overrides.ts";

/** One fact as it stands on a day, by what was known on another: for people, who want to see what else was said, too. */
export interface FactAsOf {
  readonly fact: Fact<unknown>;
  /** What is published for that day; null: nothing. */
  readonly holds: Rule<unknown> | null;
  /** Stands above it. */
  readonly override: Override | null;
  /** Known changes after that day, the next first. */
  readonly upcoming: readonly Rule<unknown>[];
  /** Announcements that would hold that day or later, had they not been replaced or called off. */
  readonly withdrawn: readonly Rule<unknown>[];
}

const noOverrides: OverrideMap = new Map();

export function factsAsOf(
  facts: readonly Fact<unknown>[],
  day: string,
  knownOn = "9999-12-31",
  overrides: OverrideMap = noOverrides,
): readonly FactAsOf[] {
  return facts.map((fact) => {
    const known = fact.rules.filter((rule) => announcedOn(rule) <= knownOn);
    return {
      fact,
      holds: ruleAsOf(fact, day, knownOn),
      override: overrides.get(fact.id) ?? null,
      upcoming: known
        .filter((rule) => rule.validFrom > day && !isWithdrawn(rule, knownOn))
        .toSorted((one, other) => compare(one.validFrom, other.validFrom)),
      withdrawn: known.filter((rule) => isWithdrawn(rule, knownOn) && (rule.validTo === undefined || rule.validTo > day)),
    };
  });
}

export function announcedOn({ announcedOn: announced, validFrom }: Rule<unknown>): string {
  return announced ?? validFrom;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
