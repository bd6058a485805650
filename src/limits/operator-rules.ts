import { limitRule } from "./make-rule.ts";
import type { OperatorRule } from "./options.ts";
import type { LimitRule, ScopeKey } from "./rule.ts";
import type { CountedTraffic } from "./counted-traffic.ts";

/** The configuration's own limits. */
export function operatorRules({ routes, limits }: CountedTraffic): readonly LimitRule[] {
  return limits.rules.map((rule) => operatorRule(rule, rule.routes ?? routes.map(({ name }) => name)));
}

function operatorRule(given: OperatorRule, routes: readonly string[]): LimitRule {
  const { name, unit, amount, perMs = 0, each = [], burst, authors, reversePaths, recipientDomains, countsRefused } = given;
  const scope = each.filter((key): key is ScopeKey => key !== "route");
  return limitRule({
    id: `limits.${name}`,
    title: name,
    unit,
    amount,
    windowMs: perMs,
    routes: routes.map((route) => ({ name: route, counted: each.includes("route") ? `route ${route}` : "" })),
    scope,
    ...(authors === undefined ? {} : { authors }),
    ...(reversePaths === undefined ? {} : { reversePaths }),
    ...(recipientDomains === undefined ? {} : { recipientDomains: recipientDomains.map((domain) => domain.toLowerCase()) }),
    countsRefused: countsRefused ?? false,
    burst: Math.min(amount, burst ?? amount),
    source: "configuration",
    status: "configured",
  });
}
