import { isDay } from "../lib/days.ts";
import type { RouteToCount } from "../limits/counted-traffic.ts";
import { shareOf } from "../limits/options.ts";
import { rulesAsOf } from "../limits/rules-as-of.ts";
import { allFacts, catalogue } from "../services/catalogue.ts";
import { overrideValues, readOverrides } from "../services/overrides.ts";
import { profileAsOf } from "../services/profile-as-of.ts";
import { countedTraffic } from "./counted-traffic.ts";
import { nearest, type Path } from "./fault.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import type { Report } from "./load.ts";

/** What the schemas of `tenant` and `limits` cannot say. */
export function checkLimits(config: GatewayConfig, report: Report): void {
  const { tenant, limits } = config;
  if (tenant.createdOn !== undefined && !isDay(tenant.createdOn)) {
    report("error", ["tenant", "createdOn"], `"${tenant.createdOn}" is not a day`, "Write it like 2019-05-20.");
    return;
  }
  rules(config, report);
  if (shareOf(limits.transactionalShare) + shareOf(limits.bulkShare) >= 1)
    report("error", ["limits", "bulkShare"], "leaves nothing: the two shares are 100 % together", "Lower one of them.");
  const overrides = overrideValues(readOverrides(config.services));
  const today = new Date().toISOString().slice(0, 10);
  const traffic = countedTraffic(config);
  const inForce = rulesAsOf(traffic, today, overrides);
  others(config, new Set(inForce.map(({ id }) => id)), report);
  if (inForce.some(({ id, status }) => id === "tenant.external-recipients" && status !== "configured") && isUnknown(config))
    report(
      "warning",
      ["tenant"],
      "the tenant's limit for external recipients is taken as that of one licence",
      "Set tenant: { licences: … }, the e-mail licences that were bought (Get-LimitsEnforcementStatus tells the limit), or trial: true.",
    );
  connections(config, traffic.routes, profileAsOf(catalogue["smtp-auth"], today, overrides).maxConnections, report);
}

function isUnknown({ tenant }: GatewayConfig): boolean {
  return tenant.licences === undefined && tenant.trial !== true;
}

function rules({ limits, routes }: GatewayConfig, report: Report): void {
  const routeNames = routes.map(({ name }) => name);
  const seen = new Set<string>();
  limits.rules.forEach((rule, index) => {
    const path: Path = ["limits", "rules", index];
    if (seen.has(rule.name)) report("error", [...path, "name"], `the name ${rule.name} is used twice`, "Rename one.");
    seen.add(rule.name);
    if ((rule.perMs === undefined) === (rule.atATime !== true))
      report(
        "error",
        path,
        "needs either per or atATime",
        "Write per: 1h for so much in any hour, or atATime: true for so many at a time.",
      );
    if (rule.perMs !== undefined && rule.perMs < 1000) report("error", [...path, "per"], "is shorter than a second", "Write 1s or longer.");
    if (rule.burst !== undefined && rule.burst > rule.amount)
      report("error", [...path, "burst"], "is more than the amount", "Lower it, or leave it out: then all may go at once.");
    rule.routes?.forEach((name, n) => {
      const at: Path = [...path, "routes", n];
      if (rule.routes?.indexOf(name) !== n) report("error", at, `the route ${name} is named twice`, "Remove one.");
      if (routeNames.includes(name)) return;
      const near = nearest(name, routeNames);
      report("error", at, `there is no route ${name}`, near === null ? `There are: ${routeNames.join(", ")}.` : `Did you mean ${near}?`);
    });
    for (const key of ["authors", "reversePaths"] as const)
      rule[key]?.forEach((pattern, n) => {
        if (!addressPattern.test(pattern))
          report("error", [...path, key, n], `"${pattern}" is not an address pattern`, "Write user@domain, @domain, @*.domain, <> or *.");
      });
    rule.recipientDomains?.forEach((pattern, n) => {
      if (!domainPattern.test(pattern))
        report("error", [...path, "recipientDomains", n], `"${pattern}" is not a domain`, "Write example.com or *.example.com.");
    });
  });
}

const addressPattern = /^(\*|<>|(\*|[^@\s<>*]*)@(\*\.)?[^@\s<>*]+|(\*\.)?[^@\s<>*]+)$/;
const domainPattern = /^(\*\.)?[^@\s<>*]+$/;

function others({ limits }: GatewayConfig, inForce: ReadonlySet<string>, report: Report): void {
  const facts = new Set(allFacts().map(({ id }) => id));
  for (const id of Object.keys(limits.others)) {
    if (inForce.has(id)) continue;
    const path: Path = ["limits", "others", id];
    const near = nearest(id, [...inForce]);
    const remedy = near === null ? `There are: ${[...inForce].join(", ")}.` : `Did you mean ${near}?`;
    // A limit that no route has today may come with the next route, or the next day.
    if (facts.has(id)) report("warning", path, `no limit ${id} is in force`, remedy, true);
    else report("error", path, `there is no limit ${id}`, remedy, true);
  }
}

/** Connections are kept by each route: routes that log in as one mailbox must not keep more together than it may have. */
function connections({ routes }: GatewayConfig, counted: readonly RouteToCount[], most: number | null, report: Report): void {
  const kept = new Map<string, { sum: number; readonly names: string[] }>();
  routes.forEach((route, index) => {
    const mailbox = counted[index]?.mailbox;
    if (route.kind !== "smtp-auth" || most === null || mailbox === undefined) return;
    const entry = kept.get(mailbox) ?? { sum: 0, names: [] };
    kept.set(mailbox, entry);
    const before = entry.sum;
    entry.sum += route.maxConnections ?? most;
    entry.names.push(route.name);
    if (entry.names.length > 1 && before <= most && entry.sum > most)
      report(
        "warning",
        ["routes", index],
        `${entry.names.join(" and ")} may open ${entry.sum} connections as ${mailbox}, which may have ${most}`,
        "Set maxConnections of each so that they add up to no more.",
      );
  });
}
