import { Type, type Static } from "typebox";

/** Forecasts in the operator API. */
const optional = Type.Optional;
const time = (description: string) => Type.String({ format: "date-time", description });
const perhaps = (description: string) => Type.Union([time(description), Type.Null()], { description });
const count = (description: string) => Type.Integer({ minimum: 0, maximum: 10_000_000, description });

export const forecastBody = Type.Object(
  {
    internal: optional(count("Recipients in accepted domains.")),
    external: optional(count("Recipients elsewhere.")),
    to: optional(
      Type.Array(
        Type.Object({
          to: Type.String({ minLength: 1, maxLength: 320, description: "An address; or `@domain`: each another one there." }),
          count: Type.Integer({ minimum: 1, maximum: 10_000_000 }),
        }),
        { maxItems: 10_000, description: "Recipients, as far as they are known." },
      ),
    ),
    from: optional(
      Type.String({ maxLength: 320, description: "`<>`: the null reverse-path; absent: an address that the principal may use." }),
    ),
    principal: optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: "Who submits; a network is `net:NAME`. Absent: the first of the configuration.",
      }),
    ),
    priority: optional(Type.Enum(["bulk", "transactional"], { default: "bulk" })),
    size: optional(Type.Integer({ minimum: 1, maximum: 2 ** 40, default: 65_536, description: "Bytes of each message." })),
    perMessage: optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1, description: "Recipients that share a message." })),
    asOf: optional(
      Type.String({ maxLength: 40, description: "When it is handed over: `2027-01-15` (at 00:00 UTC) or ISO 8601; absent: now." }),
    ),
    faster: optional(Type.Boolean({ default: true, description: "Whether to try what would make it faster." })),
    progress: optional(
      Type.Boolean({ default: false, description: "Answer with lines of JSON: `{progress}` (0 to 1), then `{forecast}` or `{error}`." }),
    ),
  },
  { additionalProperties: false },
);
export type ForecastBody = Static<typeof forecastBody>;

const cost = Type.Object({
  usd: Type.Number({ description: "US dollars, of what is known." }),
  unknown: Type.Integer({ description: "Recipients that go by routes whose price is not known." }),
});

export const forecastView = Type.Object({
  now: time("Policy time."),
  startsAt: time("When it is handed over."),
  from: Type.String(),
  principal: Type.String(),
  priority: Type.String(),
  recipients: Type.Object({ internal: Type.Integer(), external: Type.Integer() }, { description: "Those that are out in the end." }),
  firstOutAt: perhaps("When the first is out; null: none."),
  lastOutAt: perhaps("When the last is out; null: not all within the horizon, or there is no way for some."),
  left: Type.Integer({ description: "Recipients that are not out." }),
  horizonAt: time("How far it looks ahead."),
  unroutable: Type.Array(
    Type.Object({
      to: Type.String(),
      count: Type.Integer(),
      reasons: Type.Array(Type.Object({ route: Type.String(), reason: Type.String() })),
    }),
    { description: "For whom there is no way." },
  ),
  routes: Type.Array(
    Type.Object({
      route: Type.String(),
      internal: Type.Integer(),
      external: Type.Integer(),
      transactions: Type.Integer(),
      lastOutAt: time("When the last one by it is out."),
      backlog: Type.Integer({ description: "Recipients that wait already and go by it meanwhile." }),
      costUsd: Type.Union([Type.Number(), Type.Null()], { description: "0: in the licence; null: not known." }),
      attemptMs: Type.Number({ description: "What an attempt takes." }),
      measured: Type.Boolean({ description: "Whether that was measured; else it is assumed." }),
    }),
  ),
  limits: Type.Array(
    Type.Object({
      id: Type.String(),
      title: Type.String(),
      counted: Type.String({ description: "For whom: `mailbox scanner@contoso.example`." }),
      unit: Type.String(),
      amount: Type.Integer(),
      windowMs: Type.Integer({ description: "0: at a time." }),
      routes: Type.Array(Type.String()),
      from: time("From when on mail waits for it."),
      until: time("Until when."),
      waitedMs: Type.Integer({ description: "Of that time, how long mail really waited." }),
    }),
    { description: "Limits that mail waits for, in the order of their times." },
  ),
  cost,
  backlog: Type.Object(
    {
      recipients: Type.Integer(),
      left: Type.Integer(),
      lastOutAt: perhaps("When all of it is out; null: not by the end of the forecast."),
    },
    { description: "What waits already." },
  ),
  faster: Type.Array(
    Type.Object({
      kind: Type.Enum(["licences", "account", "route", "resume", "per-message"]),
      text: Type.String(),
      lastOutAt: time("When the last would be out."),
      savedMs: Type.Integer(),
      cost,
    }),
    { description: "Each the same forecast with one thing changed." },
  ),
  text: Type.Array(Type.String(), { description: "The same in sentences." }),
});
export type ForecastView = Static<typeof forecastView>;

export interface ForecastLine {
  readonly progress?: number;
  readonly forecast?: ForecastView;
  readonly error?: { readonly code: string; readonly message: string };
}
