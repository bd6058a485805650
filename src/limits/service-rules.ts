import { allFacts, catalogue } from "../services/catalogue.ts";
import { dayMs, type CountedLimit } from "../services/counted.ts";
import type { Overrides } from "../services/profile-as-of.ts";
import { amountAsOf, limitRule, sourceAsOf } from "./make-rule.ts";
import type { CountedRoute, LimitRule } from "./rule.ts";
import type { RouteToCount } from "./counted-traffic.ts";

/** The counted limits of the services that routes lead to. Routes of one mailbox, tenant or subscription share a counter. */
export function serviceRules(routes: readonly RouteToCount[], day: string, overrides: Overrides): readonly LimitRule[] {
  const facts = new Map(allFacts().map((fact) => [fact.id, fact]));
  const merged = new Map<string, { readonly limit: CountedLimit; readonly routes: CountedRoute[] }>();
  for (const route of routes) {
    if (route.service === null) continue;
    for (const limit of catalogue[route.service].limits) {
      if (limit.domain !== undefined && limit.domain !== (route.domain ?? "custom")) continue;
      const counted = { name: route.name, counted: countedFor(limit, route) };
      const entry = merged.get(limit.fact);
      if (entry === undefined) merged.set(limit.fact, { limit, routes: [counted] });
      else entry.routes.push(counted);
    }
  }
  const published = [...merged.values()].flatMap(({ limit, routes: counted }) => {
    const fact = facts.get(limit.fact);
    const amount = fact === undefined ? null : amountAsOf(fact, day, overrides);
    if (fact === undefined || amount === null) return [];
    return [
      limitRule({
        ...sourceAsOf(fact, day, overrides),
        unit: limit.unit,
        amount,
        windowMs: limit.windowMs,
        routes: counted,
        countsRefused: limit.countsRefused ?? false,
        burst: Math.min(amount, Math.max(1, Math.floor(amount * limit.atOnce))),
        fullCodes: limit.fullCodes,
      }),
    ];
  });
  return [...published, ...routes.flatMap(planRule)];
}

function countedFor({ per }: CountedLimit, { name, mailbox, subscription }: RouteToCount): string {
  switch (per) {
    case "tenant":
      return "tenant";
    case "subscription":
      // Not told apart, routes count together: a limit is then never taken too high.
      return subscription === undefined ? "subscription" : `subscription ${subscription}`;
    case "mailbox":
      return mailbox === undefined ? `route ${name}` : `mailbox ${mailbox}`;
    case "application":
      return mailbox === undefined ? `route ${name}` : `application at mailbox ${mailbox}`;
    default:
      return per satisfies never;
  }
}

/** A plan ends with its calendar month or day, which we do not know; no longer one fits into so many days. */
const planMs = { day: dayMs, month: 31 * dayMs } as const;

function planRule({ name, plan }: RouteToCount): readonly LimitRule[] {
  if (plan === undefined) return [];
  return [
    limitRule({
      id: `sendgrid-smtp.plan.${name}`,
      title: plan.per === "day" ? "Mails of the plan in a day" : "Mails of the plan in a month",
      // Each recipient is a mail of its own to the plan.
      unit: "recipients",
      amount: plan.mails,
      windowMs: planMs[plan.per],
      routes: [{ name, counted: `plan of route ${name}` }],
      fullCodes: ["quota.credits"],
      source: "configuration",
      status: "configured",
    }),
  ];
}
