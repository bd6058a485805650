import { Type } from "typebox";
import { isDay } from "../../lib/days.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { allFacts, factGroups, isFactGroup, isServiceKind } from "../../services/catalogue.ts";
import type { OverrideMap } from "../../services/overrides.ts";
import { timeline } from "../../services/timeline.ts";
import { formatValue } from "../../services/format-value.ts";
import type { Gateway } from "../gateway.ts";
import { serviceFacts, serviceFactsView } from "../service-facts.ts";
import { answer, badRequest, notFound } from "./answers.ts";

const params = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) });
const day = (description: string) => Type.Optional(Type.String({ minLength: 10, maxLength: 10, description }));
const query = Type.Object({
  asOf: day("What holds on that day, `2027-01-15`; default: today by the policy clock."),
  knownOn: day("By what was known on that day; default: everything known."),
});

const entryView = Type.Object({
  date: Type.String(),
  factId: Type.String(),
  title: Type.String(),
  text: Type.String({ description: "The value for people." }),
  value: Type.Unknown(),
  unit: Type.Optional(Type.String()),
  state: Type.Enum(["in force", "pending", "ended", "superseded", "cancelled"]),
  announcedOn: Type.String(),
  source: Type.String(),
  sourceDate: Type.String(),
  status: Type.Enum(["documented", "field", "unverified"]),
  note: Type.Optional(Type.String()),
});

/** What is published about the services that the routes use. */
export function serviceEndpoints(gateway: Gateway, overrides: OverrideMap): readonly ApiRoute[] {
  const today = () => new Date(gateway.status().now).toISOString().slice(0, 10);
  return [
    defineRoute({
      method: "GET",
      path: "/api/routes/{name}/facts",
      summary: "What is published about a route's service, for a day",
      params,
      query,
      answers: answer(serviceFactsView),
      handle: ({ params: { name }, query: { asOf, knownOn } }) => {
        const route = gateway.routes.list().find((each) => each.name === name);
        if (route === undefined) throw notFound(`there is no route ${name}`);
        if (!isServiceKind(route.kind)) throw notFound(`nothing is published about a route of kind ${route.kind}`);
        return serviceFacts({ service: route.kind, route: name, asOf: dayOf(asOf) ?? today(), knownOn: dayOf(knownOn), overrides });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/services/{name}/facts",
      summary: "What is published about a service, or about `tenant`, `receivers`, `neighbours`, for a day",
      params,
      query,
      answers: answer(serviceFactsView),
      handle: ({ params: { name }, query: { asOf, knownOn } }) => {
        if (!isFactGroup(name)) throw notFound(`there is no service ${name}; there are: ${factGroups.join(", ")}`);
        return serviceFacts({ service: name, asOf: dayOf(asOf) ?? today(), knownOn: dayOf(knownOn), overrides });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/timeline",
      summary: "Every dated rule of the services, in order of its day",
      query,
      answers: answer(Type.Object({ entries: Type.Array(entryView) })),
      handle: ({ query: { asOf, knownOn } }) => {
        const now = dayOf(asOf) ?? today();
        const entries = timeline(allFacts(), now, dayOf(knownOn) ?? "9999-12-31");
        return { entries: entries.map((entry) => ({ ...entry, text: formatValue(entry.value, entry.unit) })) };
      },
    }),
  ];
}

function dayOf(text: string | undefined): string | undefined {
  if (text === undefined || isDay(text)) return text;
  throw badRequest(`"${text}" is not a day: write 2027-01-15`);
}
