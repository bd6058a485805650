import { domainOf } from "../../mail/address.ts";
import { externalRecipientLimit, educationRecipientLimit, tenantFacts } from "../../services/tenant.ts";
import type { Published } from "../published.ts";
import type { TenantStore } from "../tenant/tenant-store.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { initialDomain } from "../world/world-zones.ts";
import { isReached } from "./reach.ts";
import type { Usage } from "./usage.ts";
import type { UsageWindow } from "./usage-window.ts";

const dayMs = 86_400_000;

/**
 * Limits of a tenant for external recipients in any 24 hours: all together (TERRL), and those of its onmicrosoft addresses (MOERA). Values are
 * the published facts of the day; whom they reach, and counting, is the sandbox's own. Texts are Microsoft's (facts file 11.1, 11.2).
 *
 * Who asks decides what does not count at all: ACS, HVE and SendGrid do not come here; notifications (null reverse-path) are exempt.
 */
export class TenantLimits {
  readonly #usage: Usage;
  readonly #tenant: TenantStore;
  readonly #all: UsageWindow;
  readonly #onmicrosoft: UsageWindow;

  constructor(usage: Usage, tenant: TenantStore, published: Published) {
    this.#usage = usage;
    this.#tenant = tenant;
    this.#all = usage.window({
      service: "tenant",
      what: "external-recipients",
      ms: dayMs,
      limit: (now) => externalLimit(tenant.current, published, now),
    });
    this.#onmicrosoft = usage.window({
      service: "tenant",
      what: "onmicrosoft-external-recipients",
      ms: dayMs,
      limit: (now) =>
        isReached("onmicrosoft", tenant.current, dayOf(now)) ? published.limit(tenantFacts["onmicrosoft-external-recipients"], now) : null,
    });
  }

  /** As the listing calls it: the tenant's default domain. */
  get account(): string {
    return this.#tenant.current.domains[0]?.name ?? "";
  }

  /**
   * Counts external recipients of one message at `at`, all or none; says why not.
   *
   * @param recipient whom it is about, when it is one
   */
  take(mailFrom: string, units: number, at: number, recipient: string | null = null): string | null {
    if (mailFrom === "" || units === 0) return null;
    const tenant = this.#tenant.current;
    const { account } = this;
    const isInitial =
      domainOf(mailFrom).endsWith(initialDomain(tenant.domains.map(({ name }) => name))) && /\.onmicrosoft\./.test(domainOf(mailFrom));
    const refuse = (window: UsageWindow, text: string): string => {
      const { service, what } = window.about;
      this.#usage.throttles.add({ at, service, account, limit: what, amount: window.limitAt(at, account) ?? 0, mailFrom, recipient }, text);
      return text;
    };
    if (isInitial && !this.#onmicrosoft.fits(account, units, at)) return refuse(this.#onmicrosoft, onmicrosoftText);
    if (!this.#all.fits(account, units, at)) return refuse(this.#all, tenant.trial ? trialText : tenantText);
    this.#all.add(account, units, at);
    if (isInitial) this.#onmicrosoft.add(account, units, at);
    return null;
  }
}

/** Recipients that a tenant may send to outside in 24 hours; Infinity: not limited on that day. */
export function externalLimit(tenant: Tenant, published: Published, now: number): number {
  const { trial, licences, freeEducationLicences, createdOn } = tenant;
  // A number in place of the formula is the limit itself.
  const given = published.override(tenantFacts["external-recipients"]);
  if (given !== undefined) return typeof given === "number" ? given : Infinity;
  if (!isReached("external", tenant, dayOf(now))) return Infinity;
  if (trial) return published.limit(tenantFacts["external-recipients-trial"], now);
  // The roll-out began before the day that the catalogue gives for all.
  const formula = published.find(tenantFacts["external-recipients"], Math.max(now, Date.UTC(2025, 4, 1)));
  if (formula === null) return Infinity;
  const education = freeEducationLicences > 0 ? published.find(tenantFacts["external-recipients-education"], now) : null;
  const whole =
    education === null ? externalRecipientLimit(formula, licences) : educationRecipientLimit(education, licences, freeEducationLicences);
  const days = Math.floor((now - Date.parse(createdOn)) / dayMs);
  const young = published.find(tenantFacts["external-recipients-new"], now)?.find(({ youngerThanDays }) => days < youngerThanDays);
  // How a share is rounded is not published.
  return Math.floor(whole * (young?.share ?? 1));
}

function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

const onmicrosoftText =
  "550 5.7.236 Your message can't be sent because your tenant has exceeded its daily limit for sending email to external recipients from your " +
  "tenant's onmicrosoft.com domains";
const trialText =
  "550 5.7.232 - Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients " +
  "(tenant external recipient rate limit)";
const tenantText =
  "550 5.7.233 - Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients " +
  "(tenant external recipient rate limit)";
