/**
 * Which limits are in force on a day: from what is published (services/), from the routes and the tenant of this configuration, and from the
 * operator's own rules. Pure; asked again when the policy day changes, so that a dated rule takes effect while we run.
 */
import { consumerProviders } from "../services/receivers.ts";
import { dayMs } from "../services/counted.ts";
import type { Overrides } from "../services/profile-as-of.ts";
import type { CountedTraffic, RouteToCount } from "./counted-traffic.ts";
import { amountAsOf, limitRule, sourceAsOf } from "./make-rule.ts";
import { shareOf } from "./options.ts";
import { operatorRules } from "./operator-rules.ts";
import type { CountedRoute, LimitRule } from "./rule.ts";
import { serviceRules } from "./service-rules.ts";
import { tenantRules } from "./tenant-rules.ts";

/** @param day of the policy clock, `2027-01-15` */
export function rulesAsOf(traffic: CountedTraffic, day: string, overrides: Overrides): readonly LimitRule[] {
  const { others, transactionalShare, bulkShare } = traffic.limits;
  const shares = { transactional: shareOf(transactionalShare), bulk: shareOf(bulkShare) };
  return [
    ...serviceRules(traffic.routes, day, overrides),
    ...tenantRules(traffic, day, overrides),
    ...bulkSenderThresholds(traffic.routes, day, overrides),
    ...operatorRules(traffic),
  ].map((rule) => {
    const left = others[rule.id];
    return { ...rule, shares, ...(left === undefined ? {} : { others: shareOf(left) }) };
  });
}

/** Whichever way it leaves: each consumer provider counts all mail of a From domain. */
function bulkSenderThresholds(routes: readonly RouteToCount[], day: string, overrides: Overrides): readonly LimitRule[] {
  const counted: readonly CountedRoute[] = routes
    .filter(({ ends }) => ends !== true)
    .map(({ name }) => ({ name, counted: "consumer provider" }));
  return consumerProviders.flatMap(({ bulk, domains }) => {
    const amount = amountAsOf(bulk, day, overrides);
    const recipientDomains = (overrides.get(domains.id) ?? domains.rules.at(-1)?.value ?? []) as readonly string[];
    if (amount === null || counted.length === 0) return [];
    return [
      limitRule({
        ...sourceAsOf(bulk, day, overrides),
        unit: "recipients",
        amount,
        windowMs: dayMs,
        routes: counted,
        scope: ["sender-domain"],
        recipientDomains,
        holds: false,
      }),
    ];
  });
}
