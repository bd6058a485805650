import { ruleAsOf } from "../../services/fact.ts";
import { externalRecipientLimit, tenantFacts } from "../../services/tenant.ts";
import type { Tenant } from "../tenant/tenant.ts";
import { initialDomain } from "../world/world-zones.ts";

const dayMs = 86_400_000;

interface Sent {
  readonly at: number;
  readonly moera: boolean;
}

/**
 * Limits of a tenant for external recipients: all together (TERRL), and those of its onmicrosoft addresses (MOERA). The values are published
 * facts, as of the day of the policy clock; counting is the sandbox's own, every recipient of the last 24 hours by its time.
 */
export class ExternalQuota {
  #sent: Sent[] = [];

  /** Counts one external recipient, or says why it may not be sent; the texts are Microsoft's (facts file 11.1, 11.2). */
  take(tenant: Tenant, mailFrom: string, senderDomain: string, now: number): string | null {
    const day = new Date(now).toISOString().slice(0, 10);
    // A clock that was set back belongs to another life.
    const first = this.#sent.findIndex(({ at }) => at > now - dayMs && at <= now);
    this.#sent = first < 0 ? [] : first > 0 ? this.#sent.slice(first) : this.#sent;
    const moera =
      mailFrom !== "" &&
      senderDomain.endsWith(initialDomain(tenant.domains.map(({ name }) => name))) &&
      /\.onmicrosoft\./.test(senderDomain);
    const moeraLimit = ruleAsOf(tenantFacts["onmicrosoft-external-recipients"], day)?.value ?? Infinity;
    if (moera && this.#sent.filter((one) => one.moera).length >= moeraLimit) return moeraText;
    if (this.#sent.length >= limitOf(tenant, day, now)) return tenant.trial ? trialText : tenantText;
    this.#sent.push({ at: now, moera });
    return null;
  }

  clear(): void {
    this.#sent = [];
  }
}

function limitOf(tenant: Tenant, day: string, now: number): number {
  if (tenant.trial) return ruleAsOf(tenantFacts["external-recipients-trial"], day)?.value ?? Infinity;
  const formula = ruleAsOf(tenantFacts["external-recipients"], day)?.value;
  if (formula === undefined) return Infinity;
  const days = Math.floor((now - Date.parse(tenant.createdOn)) / dayMs);
  const young = ruleAsOf(tenantFacts["external-recipients-new"], day)?.value.find(({ youngerThanDays }) => days < youngerThanDays);
  return Math.floor(externalRecipientLimit(formula, tenant.licences) * (young?.share ?? 1));
}

const moeraText =
  "550 5.7.236 Your message can't be sent because your tenant has exceeded its daily limit for sending email to external recipients from your " +
  "tenant's onmicrosoft.com domains";
const trialText =
  "550 5.7.232 - Your message can't be sent because your trial tenant has exceeded its daily limit for sending email to external recipients " +
  "(tenant external recipient rate limit)";
const tenantText =
  "550 5.7.233 - Your message can't be sent because your tenant exceeded its daily limit for sending email to external recipients " +
  "(tenant external recipient rate limit)";
