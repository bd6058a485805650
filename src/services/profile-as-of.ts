import { ruleAsOf, type Fact } from "./fact.ts";
import type { Service, ServiceProfile } from "./service.ts";

/** A profile as it holds on one day: the values alone. */
export type ProfileValues = { readonly [K in keyof ServiceProfile]: ServiceProfile[K] extends Fact<infer T> ? T : never };

/** What an operator knows better than the catalogue: by fact id. */
export type Overrides = ReadonlyMap<string, unknown>;

/**
 * What a route of this service is on a day (`2027-01-15`). A service that did not exist yet, or no longer, has the values of the rule that
 * is nearest in time: a route must have some.
 */
export function profileAsOf(service: Service, day: string, overrides: Overrides = new Map()): ProfileValues {
  const entries = Object.entries(service.profile).map(([name, fact]) => [name, valueAsOf(fact as Fact<unknown>, day, overrides)]);
  return Object.fromEntries(entries) as ProfileValues;
}

/** @throws Error for a fact of the profile without any rule in force: the catalogue's test keeps that from happening. */
function valueAsOf(fact: Fact<unknown>, day: string, overrides: Overrides): unknown {
  if (overrides.has(fact.id)) return overrides.get(fact.id);
  const found = ruleAsOf(fact, day) ?? fact.rules.find((rule) => rule.supersededOn === undefined && rule.cancelledOn === undefined);
  if (found === undefined) throw new Error(`the catalogue has no value for ${fact.id}`);
  return found.value;
}
