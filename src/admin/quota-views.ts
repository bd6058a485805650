import { isoTime } from "../lib/units.ts";
import type { LimitAlert } from "../limits/limit-alerts.ts";
import type { ReputationFigures } from "../limits/reputation.ts";
import type { CounterUsage, LimitUsage } from "../limits/usage.ts";
import { dayMs } from "../services/counted.ts";
import type { LimitAlertView, QuotaCounterView, QuotaLimitView, QuotaView, ReputationView } from "./quota-contract.ts";
import type { QuotaControl } from "./gateway.ts";
import { alertWords } from "./quota-words.ts";

/** The limits that a query means, as the operator API tells them. @param now policy-clock ms */
export function quotaOf(quota: QuotaControl, query: Parameters<QuotaControl["limits"]>[0], now: () => number): QuotaView {
  const limits = quota.limits(query).map(limitOf);
  // Afterwards: what may go now is not to seem a moment later.
  return { now: isoTime(now()), limits, alerts: quota.alerts().map(alertOf) };
}

export function figureOf({ firstUse, ...figures }: ReputationFigures): ReputationView["figures"][number] {
  return { ...figures, firstUse: isoTime(firstUse * dayMs).slice(0, 10) };
}

function limitOf({ rule, inUse, others, waits, counters }: LimitUsage): QuotaLimitView {
  const { id, title, unit, amount, windowMs, burst, holds, countsRefused, source, status } = rule;
  return {
    id,
    title,
    unit,
    amount,
    windowMs,
    burst,
    others,
    holds,
    countsRefused,
    routes: rule.routes.map(({ name }) => name),
    scope: [...rule.scope],
    source,
    status,
    waits,
    inUse,
    counters: counters.map(counterOf),
  };
}

function counterOf(usage: CounterUsage): QuotaCounterView {
  const { counted, used, held, bulk, foreign, foreignSince, ratio, left, nextAt, refills, freesAt, emptyAt, pausedUntil, principals } =
    usage;
  return {
    counted,
    used,
    held,
    bulk,
    foreign,
    ...(foreignSince === null ? {} : { foreignSince: isoTime(foreignSince) }),
    ratio,
    left: { ...left },
    nextAt: { transactional: isoTime(nextAt.transactional), bulk: isoTime(nextAt.bulk) },
    refills: refills.map(({ at, units }) => ({ at: isoTime(at), units })),
    ...(freesAt === null ? {} : { freesAt: isoTime(freesAt) }),
    ...(emptyAt === null ? {} : { emptyAt: isoTime(emptyAt) }),
    ...(pausedUntil === null ? {} : { pausedUntil: isoTime(pausedUntil) }),
    principals: principals.map((each) => ({ ...each })),
  };
}

function alertOf(alert: LimitAlert): LimitAlertView {
  return { at: isoTime(alert.at), kind: alert.kind, text: alertWords(alert) };
}
