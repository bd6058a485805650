import { computeForecast } from "../../src/forecast/compute-forecast.ts";
import type { Forecast, ForecastQuestion } from "../../src/forecast/forecast.ts";
import { inputOf, type Given } from "../../src/forecast/support.ts";
import { PolicyClock } from "../../src/lib/clock.ts";
import { rulesAsOf } from "../../src/limits/rules-as-of.ts";
import type { Priority } from "../../src/mail/priority.ts";
import type { RouteTraits } from "../../src/routes/route.ts";
import { openLimitedWorld } from "../support/queue-world.ts";
import { relayed, ScriptedRoute } from "../support/scripted-route.ts";

/** A gateway of which a forecast is asked before it sends the mail. */
export interface Played extends Pick<Given, "counted" | "limits" | "tenant" | "rules"> {
  readonly routes: Readonly<Record<string, Partial<RouteTraits>>>;
  /** Sent before, and how long before: on the account. */
  readonly before?: readonly { readonly mail: Mail; readonly ms: number }[];
  /** Handed over just before the mail that is asked about, and mostly waiting then. */
  readonly backlog?: readonly Mail[];
  readonly asked: Mail;
  /** Looked at so long. */
  readonly horizonMs: number;
}

export interface Mail {
  readonly principal: string;
  readonly priority: Priority;
  readonly internal?: number;
  readonly external?: number;
}

export interface Compared {
  readonly forecast: Forecast;
  /** ms from the hand-over until the last one was out. */
  readonly foreseenMs: number;
  readonly reallyMs: number;
  /** Recipients asked about, by route. */
  readonly routes: Readonly<Record<string, number>>;
}

/** Asks for the forecast, then sends the mail through a real queue, store and account by a moved clock, and tells both. */
export async function play({
  routes,
  counted,
  limits,
  tenant,
  rules,
  before = [],
  backlog = [],
  asked,
  horizonMs,
}: Played): Promise<Compared> {
  using clock = new PolicyClock();
  const given = Object.entries(routes).map(([name, traits]) => ({ name, traits }));
  const outAt: { readonly route: string; readonly address: string; readonly at: number }[] = [];
  const scripted = given.map(
    ({ name, traits }) =>
      new ScriptedRoute(
        name,
        (_, { address }) => {
          outAt.push({ route: name, address, at: clock.now() });
          return relayed;
        },
        traits,
      ),
  );
  const toAsk = (question?: Partial<ForecastQuestion>) =>
    inputOf({
      routes: scripted.map((route) => ({ name: route.name, traits: route.traits, meanMs: 1, circuit: "closed", retryAt: 0 })),
      ...(counted === undefined ? {} : { counted }),
      ...(limits === undefined ? {} : { limits }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(rules === undefined ? {} : { rules }),
      ...(question === undefined ? {} : { question }),
    });
  const { traffic, overrides } = toAsk();
  const day = new Date(clock.now()).toISOString().slice(0, 10);
  await using world = await openLimitedWorld({
    routes: scripted,
    ...(rules === undefined ? {} : { rules }),
    limits: rulesAsOf(traffic, day, overrides),
    clock,
    options: { lifetimeMs: 2 * horizonMs },
  });
  const send = async (mail: Mail, name: string): Promise<void> => {
    for (const to of addressesOf(mail, name))
      await world.send({ to: [to], principal: mail.principal, ...(mail.priority === "bulk" ? { priority: mail.priority } : {}) });
  };
  for (const [i, { mail, ms }] of before.entries()) {
    await send(mail, `before${i}`);
    await world.advance(ms);
  }
  for (const [i, mail] of backlog.entries()) await send(mail, `backlog${i}`);
  await world.queue.dispatcher.atRest();

  const startsAt = clock.now();
  const { internal = 0, external = 0, principal, priority } = asked;
  const question = {
    to: [
      { to: "@contoso.example", count: internal },
      { to: "@fabrikam.example", count: external },
    ].filter(({ count }) => count > 0),
    principal,
    priority,
    size: 100,
    startsAt,
  };
  const forecast = computeForecast({
    ...toAsk(question),
    now: startsAt,
    ledger: world.ledger.snapshot(new Set()),
    backlog: await world.opened.archive.backlog(startsAt),
    routes: scripted.map(({ name, traits }) => ({
      name,
      traits,
      meanMs: world.queue.dispatcher.outlets.get(name)?.meanMs ?? 1,
      circuit: "closed",
      retryAt: 0,
    })),
  });
  await send(asked, "asked");
  await world.advance(horizonMs);

  const mine = outAt.filter(({ address }) => address.startsWith("asked"));
  if (mine.length !== internal + external) throw new Error(`${mine.length} of ${internal + external} were out in the end`);
  const counts: Record<string, number> = {};
  for (const { route } of mine) counts[route] = (counts[route] ?? 0) + 1;
  return {
    forecast,
    foreseenMs: (forecast.lastOutAt ?? Number.NaN) - startsAt,
    reallyMs: Math.max(...mine.map(({ at }) => at)) - startsAt,
    routes: counts,
  };
}

/** Internal and external ones by turns. */
function addressesOf({ internal = 0, external = 0 }: Mail, name: string): readonly string[] {
  const addresses: string[] = [];
  for (let i = 0; i < Math.max(internal, external); i++) {
    if (i < internal) addresses.push(`${name}-${i}@contoso.example`);
    if (i < external) addresses.push(`${name}-${i}@fabrikam.example`);
  }
  return addresses;
}
