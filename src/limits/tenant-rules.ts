import { catalogue } from "../services/catalogue.ts";
import { dayMs, hourMs } from "../services/counted.ts";
import { ruleAsOf } from "../services/fact.ts";
import { profileAsOf, type Overrides } from "../services/profile-as-of.ts";
import { educationRecipientLimit, externalRecipientLimit, isReached, tenantFacts } from "../services/tenant.ts";
import { amountAsOf, limitRule, sourceAsOf, wholeAmount } from "./make-rule.ts";
import type { TenantOptions } from "./options.ts";
import type { CountedRoute, LimitRule } from "./rule.ts";
import type { CountedTraffic, RouteToCount } from "./counted-traffic.ts";

/** What holds for a tenant whichever way its mail leaves, and for what its mailboxes take in. */
export function tenantRules(traffic: CountedTraffic, day: string, overrides: Overrides): readonly LimitRule[] {
  const { routes, tenant } = traffic;
  const outward = routes.filter((route) => countsForTenant(route, day, overrides)).map(({ name }) => ({ name, counted: "tenant" }));
  return [
    ...externalRecipients(tenant, outward, day, overrides),
    ...onmicrosoftSenders(traffic, outward, day, overrides),
    ...outboundPolicy(traffic),
    ...receiving(traffic, day, overrides),
  ];
}

function countsForTenant({ service, throughTenant }: RouteToCount, day: string, overrides: Overrides): boolean {
  return throughTenant ?? (service !== null && profileAsOf(catalogue[service], day, overrides).countsForTenant);
}

/** TERRL. */
function externalRecipients(
  tenant: TenantOptions,
  routes: readonly CountedRoute[],
  day: string,
  overrides: Overrides,
): readonly LimitRule[] {
  const found = externalLimit(tenant, day, overrides);
  if (found === null || routes.length === 0) return [];
  return [
    limitRule({
      ...found.from,
      id: tenantFacts["external-recipients"].id,
      unit: "external-recipients",
      amount: found.amount,
      windowMs: dayMs,
      routes,
      // Delivery notifications do not count (facts of tenant.ts); what else does not, never passes here.
      reversePaths: ["*@*"],
      fullCodes: ["quota.tenant"],
    }),
  ];
}

/** External recipients in 24 hours, and the fact that it comes from; null: not limited. */
export function externalLimit(
  tenant: TenantOptions,
  day: string,
  overrides: Overrides,
): { readonly amount: number; readonly from: Pick<LimitRule, "title" | "source" | "status"> } | null {
  const general = tenantFacts["external-recipients"];
  if (overrides.has(general.id)) {
    const amount = wholeAmount(overrides.get(general.id));
    return amount === null ? null : { amount, from: sourceAsOf(general, day, overrides) };
  }
  // No licences given: the smallest tenant.
  const { licences = 1, freeEducationLicences = 0, trial = false, cloud = "worldwide", createdOn } = tenant;
  const reach = ruleAsOf(tenantFacts["external-recipients-reach"], day)?.value;
  if (cloud !== "worldwide" || reach === undefined || !isReached(reach, licences + freeEducationLicences, trial)) return null;
  if (trial) {
    const fact = tenantFacts["external-recipients-trial"];
    const amount = amountAsOf(fact, day, overrides);
    return amount === null ? null : { amount, from: sourceAsOf(fact, day, overrides) };
  }
  const education = freeEducationLicences > 0 ? ruleAsOf(tenantFacts["external-recipients-education"], day) : null;
  // Before the day from which the formula holds for all, the tenants that were reached had the same.
  const formula = ruleAsOf(general, day) ?? general.rules[0];
  if (formula === undefined) return null;
  const whole =
    education === null
      ? externalRecipientLimit(formula.value, licences)
      : educationRecipientLimit(education.value, licences, freeEducationLicences);
  const share = createdOn === undefined ? 1 : newTenantShare(createdOn, day);
  const fact = education === null ? general : tenantFacts["external-recipients-education"];
  // How a share is rounded is not published.
  return { amount: Math.floor(whole * share), from: sourceAsOf(fact, day, overrides) };
}

function newTenantShare(createdOn: string, day: string): number {
  const ageDays = (Date.parse(`${day}T00:00:00Z`) - Date.parse(`${createdOn}T00:00:00Z`)) / dayMs;
  const steps = ruleAsOf(tenantFacts["external-recipients-new"], day)?.value ?? [];
  return steps.find(({ youngerThanDays }) => ageDays < youngerThanDays)?.share ?? 1;
}

/** MOERA: by the reverse-path; the null one is exempt. */
function onmicrosoftSenders(
  { tenant, acceptedDomains }: CountedTraffic,
  routes: readonly CountedRoute[],
  day: string,
  overrides: Overrides,
): readonly LimitRule[] {
  const fact = tenantFacts["onmicrosoft-external-recipients"];
  const amount = amountAsOf(fact, day, overrides);
  const reach = ruleAsOf(tenantFacts["onmicrosoft-reach"], day)?.value;
  const { licences = 1, freeEducationLicences = 0, trial = false } = tenant;
  if (amount === null || routes.length === 0 || reach === undefined) return [];
  if (!overrides.has(fact.id) && !isReached(reach, licences + freeEducationLicences, trial)) return [];
  return [
    limitRule({
      ...sourceAsOf(fact, day, overrides),
      unit: "external-recipients",
      amount,
      windowMs: dayMs,
      routes,
      // Of other clouds the name ends otherwise; then it is told by the accepted domains.
      reversePaths: [...new Set(["*.onmicrosoft.com", ...acceptedDomains.filter((name) => /\.onmicrosoft\./.test(name))])].map(
        (name) => `@${name}`,
      ),
      fullCodes: ["quota.onmicrosoft"],
    }),
  ];
}

/** What the operator's outbound spam policy allows a mailbox, before it is blocked. */
function outboundPolicy({ routes, tenant, acceptedDomains }: CountedTraffic): readonly LimitRule[] {
  const { externalPerHour, internalPerHour, perDay } = tenant.outboundPolicy ?? {};
  const mailboxes = routes
    .filter(({ service }) => service === "smtp-auth")
    .map(({ name, mailbox }) => ({ name, counted: mailbox === undefined ? `route ${name}` : `mailbox ${mailbox}` }));
  if (mailboxes.length === 0) return [];
  const policy = (id: string, title: string, amount: number | undefined, rest: Pick<LimitRule, "unit" | "windowMs"> & Partial<LimitRule>) =>
    amount === undefined
      ? []
      : [
          limitRule({
            id: `tenant.outbound-policy.${id}`,
            title: `Outbound spam policy: ${title}`,
            amount,
            routes: mailboxes,
            source: "configuration",
            status: "configured",
            ...rest,
          }),
        ];
  return [
    ...policy("external-per-hour", "external recipients an hour for one mailbox", externalPerHour, {
      unit: "external-recipients",
      windowMs: hourMs,
    }),
    ...policy("internal-per-hour", "internal recipients an hour for one mailbox", internalPerHour, {
      unit: "recipients",
      windowMs: hourMs,
      recipientDomains: acceptedDomains,
    }),
    ...policy("per-day", "recipients a day for one mailbox", perDay, { unit: "recipients", windowMs: dayMs }),
  ];
}

/** A quarter of the hour's share may come at once: who receives more in a moment is throttled by other means (432 4.3.2). Chosen. */
const atOnce = 0.25;

/** What a mailbox of the tenant takes in, by whatever route it comes. */
function receiving({ routes, tenant, acceptedDomains }: CountedTraffic, day: string, overrides: Overrides): readonly LimitRule[] {
  const ofTenant =
    tenant.licences !== undefined || tenant.trial === true || routes.some(({ service }) => service !== null && leadsToTenant.has(service));
  if (!ofTenant || acceptedDomains.length === 0) return [];
  const into = routes
    .filter(({ service, throughTenant }) => service !== null || throughTenant === true)
    .map(({ name }) => ({ name, counted: "tenant" }));
  if (into.length === 0) return [];
  const limit = (name: "received-per-hour" | "received-per-hour-from-one", rest: Partial<LimitRule>): readonly LimitRule[] => {
    const fact = tenantFacts[name];
    const amount = amountAsOf(fact, day, overrides);
    if (amount === null) return [];
    return [
      limitRule({
        ...sourceAsOf(fact, day, overrides),
        unit: "messages",
        amount,
        windowMs: hourMs,
        routes: into,
        recipientDomains: acceptedDomains,
        burst: Math.max(1, Math.floor(amount * atOnce)),
        ...rest,
      }),
    ];
  };
  return [
    ...limit("received-per-hour", { scope: ["recipient"], fullCodes: ["quota.receiver"] }),
    ...limit("received-per-hour-from-one", { scope: ["sender-recipient"], fullCodes: ["quota.receiver-from-sender"] }),
  ];
}

/** Whose presence shows that the accepted domains are those of a tenant of Exchange Online. */
const leadsToTenant: ReadonlySet<string> = new Set(["smtp-auth", "hve", "connector", "direct-send"]);
