import { isoTime, parseDuration } from "../../lib/units.ts";
import { readEnforcementStatus, type EnforcementStatus } from "../../limits/enforcement-status.ts";
import { keptMs, pointMs } from "../../limits/usage-history.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import type { Gateway } from "../gateway.ts";
import {
  foreignBody,
  foreignView,
  forgetQuery,
  forgetView,
  quotaHistoryQuery,
  quotaHistoryView,
  quotaQuery,
  quotaView,
  reputationQuery,
  reputationView,
  type ForeignBody,
  type ForeignView,
  type ForgetView,
  type QuotaHistoryView,
  type QuotaView,
  type ReputationView,
} from "../quota-contract.ts";
import { figureOf, quotaOf } from "../quota-views.ts";
import { answer, badRequest, notFound } from "./answers.ts";

/** Limits: what was used, by whom, since when, and what an operator knows better; the figures that a raised quota is granted on. */
export function quotaEndpoints(gateway: Gateway): readonly ApiRoute[] {
  const { quota } = gateway;
  return [
    defineRoute({
      method: "GET",
      path: "/api/quota",
      summary: "Limits in force, and what is used of them",
      query: quotaQuery,
      answers: answer(quotaView),
      handle: ({ query: { rule, route, counted, limit } }): QuotaView => {
        if (rule !== undefined) knownLimit(gateway, rule);
        if (route !== undefined && !gateway.routes.list().some(({ name }) => name === route)) throw notFound(`there is no route ${route}`);
        const filter = { ...(rule === undefined ? {} : { rule }), ...(route === undefined ? {} : { route }) };
        return quotaOf(quota, { ...filter, ...(counted === undefined ? {} : { counted }), most: limit ?? 10 }, () => gateway.status().now);
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/quota/history",
      summary: "What was used of limits in the last seven days",
      query: quotaHistoryQuery,
      answers: answer(quotaHistoryView),
      handle: ({ query: { rule, counted, every, limit } }): QuotaHistoryView => {
        const everyMs = parseDuration(every ?? "15m") ?? 0;
        if (everyMs <= 0 || everyMs % pointMs !== 0) throw badRequest(`"${every}" is not a multiple of 15m`);
        const filter = { ...(rule === undefined ? {} : { rule }), ...(counted === undefined ? {} : { counted }) };
        const amounts = new Map(quota.limits({ most: 0 }).map((each) => [each.rule.id, each.rule.amount]));
        const series = quota.history({ ...filter, most: limit ?? 20, everyMs });
        return {
          now: isoTime(gateway.status().now),
          everyMs,
          keptMs,
          series: series.map((each) => {
            const amount = amounts.get(each.rule);
            const points = each.points.map(({ at, used, foreign }) => ({ at: isoTime(at), used, foreign }));
            return { rule: each.rule, counted: each.counted, ...(amount === undefined ? {} : { amount }), points };
          }),
        };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/quota/foreign",
      summary: "Tell what a service says was used in all: the output of Get-LimitsEnforcementStatus, or a number",
      body: foreignBody,
      answers: answer(foreignView),
      handle: ({ body }) => observe(gateway, body),
    }),
    defineRoute({
      method: "DELETE",
      path: "/api/quota/foreign",
      summary: "Forget what is believed of other senders, and that the service said it is full",
      query: forgetQuery,
      answers: answer(forgetView),
      handle: async ({ query: { rule, counted } }): Promise<ForgetView> => {
        knownLimit(gateway, rule);
        return { counters: await quota.forget(rule, counted) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/reputation",
      summary: "Failures and complaints of each From domain by each route, of 90 days at most",
      query: reputationQuery,
      answers: answer(reputationView),
      handle: ({ query: { days = 90, limit = 100 } }): ReputationView => ({
        days,
        figures: quota.figures(days).slice(0, limit).map(figureOf),
      }),
    }),
  ];
}

async function observe(gateway: Gateway, body: ForeignBody): Promise<ForeignView> {
  const status = statusOf(body);
  const rule = status === null ? body.rule : status.rule;
  const observed = status === null ? body.observed : status.observed;
  if (rule === undefined || observed === undefined) throw badRequest("give `text`, or `rule` and `observed`");
  const { amount } = knownLimit(gateway, rule);
  if (!(await gateway.quota.observe(rule, observed, body.counted)))
    throw notFound(
      body.counted === undefined
        ? `${rule} is counted for many: nobody can tell whose that is`
        : `${rule} is not counted for ${body.counted}`,
    );
  const counters = gateway.quota.limits({ rule }).flatMap((limit) => limit.counters);
  const meant = counters.filter(({ counted }) => body.counted === undefined || counted === body.counted);
  const ours = Math.max(0, ...meant.map(({ used }) => used));
  const notes = [
    ...(status === null ? [] : notesOn(status, amount)),
    ...(ours > observed ? [`Postern alone has used ${ours}: the service counts later, or the output is an older one.`] : []),
  ];
  return { rule, observed, amount, foreign: Math.max(0, ...meant.map(({ foreign }) => foreign)), notes };
}

function statusOf({ text, rule, observed }: ForeignBody): EnforcementStatus | null {
  if (text === undefined) return null;
  if (rule !== undefined || observed !== undefined) throw badRequest("give `text`, or `rule` and `observed`, not both");
  const status = readEnforcementStatus(text);
  if (typeof status === "string") throw badRequest(status);
  return status;
}

function notesOn({ rule, threshold, enforced, blocked }: EnforcementStatus, amount: number): readonly string[] {
  const [service = "", name = ""] = rule.split(".");
  return [
    ...(threshold === amount
      ? []
      : [
          `The limit is ${threshold} there and ${amount} here: tell the tenant's licences (tenant.licences), or put services.${service}.${name} to { value: ${threshold}, reason: Get-LimitsEnforcementStatus says so }.`,
        ]),
    ...(enforced === false ? ["The limit is not enforced for this tenant yet."] : []),
    ...(blocked === true ? ["Mail to external recipients is refused now."] : []),
  ];
}

/** @throws HttpFailure when it is not in force */
function knownLimit({ quota }: Gateway, id: string): { readonly amount: number } {
  const [limit] = quota.limits({ rule: id, most: 0 });
  if (limit === undefined) throw notFound(`there is no limit ${id} in force; \`postern quota\` lists them`);
  return limit.rule;
}
