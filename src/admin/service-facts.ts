import { Type, type Static } from "typebox";
import { groupOf, type FactGroup } from "../services/catalogue.ts";
import type { Rule } from "../services/fact.ts";
import { announcedOn, factsAsOf, type FactAsOf } from "../services/facts-as-of.ts";
import { formatValue } from "../services/format-value.ts";
import type { OverrideMap } from "../services/overrides.ts";
import { sinceEver } from "../services/rules.ts";

/**
 * What is published about a service, for a day, as operators see it: `GET /api/routes/NAME/facts` and `postern routes show --as-of`. Made
 * from the catalogue alone, so that it works without a gateway, too.
 */
const optional = Type.Optional;
const day = (description: string) => Type.String({ pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description });

export const ruleView = Type.Object({
  value: Type.Unknown(),
  text: Type.String({ description: "The value for people." }),
  validFrom: optional(day("First day; absent: its beginning was not published.")),
  validTo: optional(day("The day on which it does not hold any more.")),
  announcedOn: optional(day("When it became known.")),
  supersededOn: optional(day("When another announcement replaced it.")),
  cancelledOn: optional(day("When it was called off.")),
  source: Type.String(),
  sourceDate: Type.String(),
  status: Type.Enum(["documented", "field", "unverified"]),
  note: optional(Type.String()),
});

export const factView = Type.Object({
  id: Type.String(),
  title: Type.String(),
  unit: optional(Type.String()),
  value: Type.Unknown({ description: "What holds for this gateway." }),
  text: Type.String(),
  published: Type.Union([ruleView, Type.Null()], { description: "What is published for the day; null: nothing." }),
  overridden: optional(Type.Object({ reason: Type.String() }, { description: "The value is the operator's, from `services`." })),
  upcoming: Type.Array(ruleView, { description: "Known changes after the day." }),
  withdrawn: Type.Array(ruleView, { description: "Announcements for that day or later that were replaced or called off." }),
});

export const serviceFactsView = Type.Object({
  service: Type.String(),
  title: Type.String(),
  route: optional(Type.String()),
  asOf: day("What holds on this day."),
  knownOn: optional(day("By what was known on this day; absent: everything known.")),
  facts: Type.Array(factView),
});

export type RuleView = Static<typeof ruleView>;
export type FactView = Static<typeof factView>;
export type ServiceFactsView = Static<typeof serviceFactsView>;

export interface FactsQuestion {
  /** A kind of route, or what no single service owns: `tenant`, `receivers`, `neighbours`. */
  readonly service: FactGroup;
  readonly asOf: string;
  readonly knownOn?: string | undefined;
  readonly overrides?: OverrideMap;
  readonly route?: string;
}

export function serviceFacts({ service, asOf, knownOn, overrides, route }: FactsQuestion): ServiceFactsView {
  const { title, facts } = groupOf(service);
  return {
    service,
    title,
    ...(route === undefined ? {} : { route }),
    asOf,
    ...(knownOn === undefined ? {} : { knownOn }),
    facts: factsAsOf(facts, asOf, knownOn, overrides).map(viewOf),
  };
}

function viewOf({ fact, holds, override, upcoming, withdrawn }: FactAsOf): FactView {
  const { id, title, unit } = fact;
  const value = override === null ? (holds?.value ?? null) : override.value;
  const ruleOf = (rule: Rule<unknown>) => viewOfRule(rule, unit);
  return {
    id,
    title,
    ...(unit === undefined ? {} : { unit }),
    value,
    text: override === null && holds === null ? "nothing" : formatValue(value, unit),
    published: holds === null ? null : ruleOf(holds),
    ...(override === null ? {} : { overridden: { reason: override.reason } }),
    upcoming: upcoming.map(ruleOf),
    withdrawn: withdrawn.map(ruleOf),
  };
}

function viewOfRule(rule: Rule<unknown>, unit: string | undefined): RuleView {
  const { value, validFrom, validTo, supersededOn, cancelledOn, source, sourceDate, status, note } = rule;
  const announced = announcedOn(rule);
  return {
    value,
    text: formatValue(value, unit),
    ...(validFrom === sinceEver ? {} : { validFrom }),
    ...(validTo === undefined ? {} : { validTo }),
    ...(announced === sinceEver ? {} : { announcedOn: announced }),
    ...(supersededOn === undefined ? {} : { supersededOn }),
    ...(cancelledOn === undefined ? {} : { cancelledOn }),
    source,
    sourceDate,
    status,
    ...(note === undefined ? {} : { note }),
  };
}
