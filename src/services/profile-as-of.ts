import { type Fact, ruleAsOf } from "./fact.ts";
import { profileParts, type ProfileValues } from "./profile.ts";
import type { Service, ServiceProfile } from "./service.ts";

/** What an operator knows better, by the last part of the fact's id. */
export type Overrides = Readonly<Record<string, Override>>;

export interface Override {
  readonly value: unknown;
  /** Why, for whoever finds it later. */
  readonly reason: string;
}

/**
 * A service's profile as plain values, on a day (`2026-12-31`), by what was known on another (default: everything we know). What an
 * operator overrides holds on every day. On days before the first rule the first one holds: a route is never without a value.
 */
export function profileAsOf(service: Pick<Service, "profile">, day: string, overrides: Overrides = {}, knownOn?: string): ProfileValues {
  const entries = Object.entries(service.profile).map(([key, fact]: [string, Fact<unknown>]) => {
    const override = overrides[profileParts[key as keyof ServiceProfile][0]];
    return [key, override === undefined ? valueAsOf(fact, day, knownOn) : override.value];
  });
  return Object.fromEntries(entries) as ProfileValues;
}

/** The value that holds on a day; before the first rule, and where the known ones have all ended, the nearest. */
export function valueAsOf<T>(fact: Fact<T>, day: string, knownOn?: string): T {
  const rule = ruleAsOf(fact, day, knownOn) ?? fact.rules.findLast(({ validFrom }) => validFrom <= day) ?? fact.rules[0];
  if (rule === undefined) throw new Error(`${fact.id} has no rules`);
  return rule.value;
}
