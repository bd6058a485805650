import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import type { House } from "../house.ts";
import type { Throttle } from "../usage/throttles.ts";
import { parseInstant } from "./instant.ts";

const nullable = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S, description: string) =>
  Type.Union([schema, Type.Null()], { description });

const UsageSchema = Type.Object({
  service: Type.String(),
  what: Type.String({ description: "recipients, messages, connections." }),
  account: Type.String({ description: "Mailbox, subscription, key, receiver, or the tenant's default domain." }),
  used: Type.Integer(),
  foreign: Type.Integer({ description: "Of them by other senders: POST /api/usage." }),
  limit: nullable(Type.Integer(), "null: counted only."),
  window: nullable(Type.Number(), "Seconds of the sliding window; null: held just now, or since the last reset."),
});

const ForeignSchema = Type.Object(
  {
    service: Type.String({ maxLength: 64, description: "As GET /api/usage calls it: `tenant`, `smtp-auth`." }),
    what: Type.String({ maxLength: 64, description: "`external-recipients`, `recipients`." }),
    account: Type.Optional(Type.String({ maxLength: 700, description: "Absent: the tenant's default domain." })),
    units: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: "So much at once, as far as there is room." })),
    perHour: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 100_000, description: "So much an hour, evenly, whenever there is room." }),
    ),
    from: Type.Optional(Type.String({ maxLength: 40, description: "With perHour: the beginning (policy clock). Absent: now." })),
    until: Type.Optional(Type.String({ maxLength: 40, description: "With perHour: the end." })),
  },
  { additionalProperties: false, description: "Either `units`, or `perHour` and `until`." },
);

const ThrottleSchema = Type.Object({
  time: Type.String({ format: "date-time", description: "Policy clock." }),
  service: Type.String(),
  account: Type.String({ description: "Whose limit it is." }),
  limit: Type.String({ description: "What is counted, as GET /api/usage calls it." }),
  amount: Type.Integer(),
  reply: nullable(Type.String(), "What the client heard, or what its notification says; null: the message was taken and waits."),
  delayMs: nullable(Type.Integer(), "How long it waits."),
  mailFrom: Type.String(),
  recipient: nullable(Type.String(), "Whom it was to, when one recipient is concerned."),
});

const QuerySchema = Type.Object(
  {
    service: Type.Optional(Type.String({ maxLength: 64 })),
    account: Type.Optional(Type.String({ maxLength: 700 })),
  },
  { additionalProperties: false },
);

export function usageRoutes({ usage, clock, tenantLimits }: House): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/usage",
      summary: "What accounts have used up of the published limits.",
      query: QuerySchema,
      answers: { 200: { description: "The counters that are not zero.", schema: Type.Array(UsageSchema) } },
      handle: ({ query }) => usage.list(clock.now()).filter((line) => fits(line, query)),
    }),
    defineRoute({
      method: "POST",
      path: "/api/usage",
      summary: "Another sender uses up some of a limit, now or evenly over a time; where there is no room it goes without.",
      body: ForeignSchema,
      answers: {
        200: {
          description: "Noted.",
          schema: Type.Object({
            taken: nullable(Type.Integer(), "How much was taken at once, of the fullest counter; null: over a time."),
          }),
        },
      },
      handle: ({ body: { service, what, account = tenantLimits.account, units, perHour, from, until } }) => {
        const windows = usage.find(service, what);
        if (windows.length === 0)
          throw new HttpFailure(404, "usage.unknown", `Nothing of that name is counted. There are: ${usage.names.join(", ")}.`);
        const now = clock.now();
        if (units !== undefined && perHour === undefined && from === undefined && until === undefined)
          return { taken: Math.min(...windows.map((window) => window.takeForeign(account, units, now))) };
        if (units !== undefined || perHour === undefined || until === undefined)
          throw new HttpFailure(400, "usage.either", "Either `units`, or `perHour` and `until`.");
        const start = from === undefined ? now : parseInstant(from, "from");
        for (const window of windows) window.takeForeignEvenly(account, perHour, start, parseInstant(until, "until"));
        return { taken: null };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/throttles",
      summary: "What was refused or held up because a limit was reached: the latest 20,000, oldest first. Faults are not among it.",
      query: QuerySchema,
      answers: { 200: { description: "The list; POST /api/reset empties it.", schema: Type.Array(ThrottleSchema) } },
      handle: ({ query }) =>
        usage.throttles
          .list()
          .filter((throttle) => fits(throttle, query))
          .map(shown),
    }),
  ];
}

function fits(
  { service, account }: { readonly service: string; readonly account: string },
  query: { readonly service?: string; readonly account?: string },
): boolean {
  return (query.service ?? service) === service && (query.account ?? account) === account;
}

function shown({ at, ...throttle }: Throttle) {
  return { time: new Date(at).toISOString(), ...throttle };
}
