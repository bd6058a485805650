import { amountWords } from "../../src/admin/quota-words.ts";
import type { CountedTraffic } from "../../src/limits/counted-traffic.ts";
import type { TenantOptions } from "../../src/limits/options.ts";
import type { LimitRule } from "../../src/limits/rule.ts";
import { rulesAsOf } from "../../src/limits/rules-as-of.ts";
import { allFacts, catalogue } from "../../src/services/catalogue.ts";
import { timeline } from "../../src/services/timeline.ts";
import type { ServiceKind } from "../../src/services/service.ts";

const introduction = `# Limits that are counted

What Postern counts for the services' and the receivers' sake, made from the catalogue as the gateway does it: a limit holds as soon as a route of its service is there. Amounts are
those of each day on, at 00:00 UTC; \`postern quota\` shows those of today, with what is used. How they work, and what only you can tell: [limits](../guides/limits.md). Where each number
was read: [services and dates](services.md). \`services:\` in the configuration replaces one, \`limits:\` adds your own.`;

/** Every kind of route once, and what of a route changes its limits. */
const routes: CountedTraffic["routes"] = [
  ...(Object.keys(catalogue) as ServiceKind[]).map((service) => ({ name: service, service })),
  { name: "acs-smtp with `domain: azure-managed`", service: "acs-smtp", domain: "azure-managed" },
];

const tenants: readonly (readonly [string, Partial<TenantOptions>])[] = [
  ...[1, 10, 25, 100, 250, 1000, 5000, 10_000, 50_000].map(
    (licences) => [`${licences} ${licences === 1 ? "licence" : "licences"}`, { licences }] as const,
  ),
  ["trial", { trial: true }],
];

/** Each limit with its amounts in order of their days; null: none from that day on. */
type Amounts = readonly (readonly [day: string, amount: number | null])[];

/** docs/reference/limits.md: as of no day in particular, so that the text changes only with the catalogue. */
export function limitsReference(notice: string): string {
  const history = amountsOf({ licences: 250 });
  const latest = new Map<string, LimitRule>();
  for (const day of days) for (const rule of rulesOn(day, { licences: 250 })) latest.set(rule.id, rule);
  const external = tenants.map(([name, tenant]) => [name, amountsOf(tenant).get("tenant.external-recipients") ?? []] as const);
  return [
    notice,
    introduction,
    "",
    "| limit | what | amount | counted for | by routes of kind | status, source |",
    "|---|---|---|---|---|---|",
    ...[...latest.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)).map((rule) => row(rule, history.get(rule.id) ?? [])),
    "",
    "The limit for external recipients depends on the tenant; above it stands for 250 licences. A tenant of less than 61 days (`tenant.createdOn`) may have less.",
    "",
    "| tenant | external recipients in 24 hours |",
    "|---|---|",
    ...external.map(([name, amounts]) => `| ${name} | ${amountText(amounts, String)} |`),
    "",
  ].join("\n");
}

const days = ["2000-01-01", ...new Set(timeline(allFacts(), "9999-12-31").map(({ date }) => date))].toSorted();

function rulesOn(day: string, tenant: Partial<TenantOptions>): readonly LimitRule[] {
  const whole = { freeEducationLicences: 0, trial: false, cloud: "worldwide", ...tenant } as TenantOptions;
  const limits = { rules: [], others: {}, transactionalShare: "1%", bulkShare: "10%" };
  return rulesAsOf({ routes, tenant: whole, limits, acceptedDomains: ["contoso.example"] }, day, new Map());
}

function amountsOf(tenant: Partial<TenantOptions>): ReadonlyMap<string, Amounts> {
  const amounts = new Map<string, (readonly [string, number | null])[]>();
  for (const day of days) {
    const today = new Map(rulesOn(day, tenant).map((rule) => [rule.id, rule.amount]));
    for (const id of new Set([...amounts.keys(), ...today.keys()])) {
      const known = amounts.get(id) ?? [];
      const amount = today.get(id) ?? null;
      if (known.at(-1)?.[1] !== amount) known.push([day, amount]);
      amounts.set(id, known);
    }
  }
  return amounts;
}

function row(rule: LimitRule, amounts: Amounts): string {
  const { id, title, unit, windowMs, countsRefused, holds, source, status } = rule;
  const notes = [...(countsRefused ? ["what is refused counts"] : []), ...(holds ? [] : ["a warning only"])];
  const amount = amountText(amounts, (value) => amountWords(value, unit, windowMs));
  const what = [title, ...notes].join("; ");
  return `| \`${id}\` | ${cell(what)} | ${amount} | ${forWhom(rule)} | ${kinds(rule)} | ${status}: ${cell(source)} |`;
}

function amountText(amounts: Amounts, words: (amount: number) => string): string {
  return amounts.map(([day, amount]) => `${day === days[0] ? "" : `from ${day} `}${amount === null ? "none" : words(amount)}`).join("<br>");
}

const parties: readonly (readonly [RegExp, string])[] = [
  [/^route |^mailbox /, "each mailbox that logs in, or route where it is not known"],
  [/^subscription/, "each Azure subscription"],
  [/^tenant/, "the tenant"],
  [/^consumer provider/, "all routes together"],
];
const apart = {
  principal: "each principal",
  "sender-domain": "each From domain",
  recipient: "each recipient",
  "sender-recipient": "each From address and recipient",
} as const;

function forWhom({ routes: [first], scope }: LimitRule): string {
  const party = parties.find(([pattern]) => pattern.test(first?.counted ?? ""))?.[1] ?? first?.counted ?? "";
  return [party, ...scope.map((key) => apart[key])].join(", ");
}

function kinds({ routes: counted }: LimitRule): string {
  const all = counted.length >= routes.length - 2;
  return all ? "any" : counted.map(({ name }) => (/`/.test(name) ? name : `\`${name}\``)).join(", ");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
