import { Counter, Gauge, type Registry } from "@prometheus-io/client";
import type { LimitRule } from "../limits/rule.ts";
import type { QuotaControl } from "./gateway.ts";

const leastMs = 1000;

/**
 * Limits as metrics. One value for each limit and party (`mailbox of smtp-auth`, `tenant`), which the configuration bounds: of what is counted
 * apart besides (senders, recipients, principals) only the fullest is told. Whoever may scrape learns no address.
 */
export function quotaMetrics(registry: Registry): (quota: QuotaControl) => void {
  const registers = [registry];
  const ofParty = (name: string, help: string) =>
    new Gauge({ name: `postern_quota_${name}`, help, labelNames: ["rule", "counted"], registers });
  const ratio = ofParty("used_ratio", "Share of a limit that is used, by us and by others as far as known; of many, the fullest");
  const used = ofParty("used", "Units of a limit that we have used in its window; of many, the fullest");
  const foreign = ofParty("foreign", "Units that other senders used, as a reply or an import told; of many, the fullest");
  const paused = ofParty("paused", "1 while nothing goes because the service said that it is full; of many, the fullest");
  const amount = new Gauge({
    name: "postern_quota_amount",
    help: "Units that a limit allows in its window",
    labelNames: ["rule"],
    registers,
  });
  const counters = new Gauge({
    name: "postern_quota_counters",
    help: "Counters of a limit in which anything is used",
    labelNames: ["rule"],
    registers,
  });
  const waits = new Counter({
    name: "postern_limit_waits_total",
    help: "How often something was told to wait for a limit since start",
    labelNames: ["rule"],
    registers,
  });
  let collectedAt = -Infinity;
  return (quota) => {
    // Nobody needs a token for metrics, so nobody may make us look at a million counters again and again.
    if (performance.now() - collectedAt < leastMs) return;
    collectedAt = performance.now();
    // Limits come and go with the day and the configuration.
    for (const metric of [ratio, used, foreign, paused, amount, counters, waits]) metric.reset();
    for (const limit of quota.limits({ most: 1 })) {
      const rule = limit.rule.id;
      amount.set({ rule }, limit.rule.amount);
      counters.set({ rule }, limit.inUse);
      waits.inc({ rule }, limit.waits);
      for (const usage of limit.counters) {
        const counted = labelOf(limit.rule, usage.party);
        ratio.set({ rule, counted }, usage.ratio);
        used.set({ rule, counted }, usage.used);
        foreign.set({ rule, counted }, usage.foreign);
        paused.set({ rule, counted }, usage.pausedUntil === null ? 0 : 1);
      }
    }
  };
}

/** For whom it is counted; a mailbox by the routes that log in as it. */
function labelOf({ routes }: LimitRule, party: string): string {
  const ofParty = routes.filter(({ counted }) => counted === party).map(({ name }) => name);
  return party.replace(/\S*@\S*/, `of ${ofParty.join(", ")}`);
}
