import type { RouteToCount } from "../limits/counted-traffic.ts";
import type { RouteTraits } from "../routes/route.ts";
import { rejectionOf } from "../routing/carry.ts";
import { Router } from "../routing/decide.ts";
import { visibleSender } from "../routing/fidelity.ts";
import { computeForecast, type Report } from "./compute-forecast.ts";
import type { Change, Forecast, ForecastInput, ForecastRoute, Improvement } from "./forecast.ts";

/** Saves less of the time than this: not worth a change. */
const leastSaving = 0.01;
/** Each costs a simulation. */
const maxChanges = 8;
/** Recipients in one message that services take as a rule: chosen. */
const togetherSuggested = 100;

/** What would make a forecast better, each tried by the same simulation with that one change; the best first. */
export function improvementsOf(input: ForecastInput, forecast: Forecast, report: Report = () => undefined): readonly Improvement[] {
  const { startsAt, horizonAt, unroutable } = forecast;
  // For whom there is no way, no limit is to blame.
  if (unroutable.length > 0) return [];
  const worst = forecast.lastOutAt ?? horizonAt;
  const changes = changesFor(input, forecast).slice(0, maxChanges);
  const found: Improvement[] = [];
  for (const [done, change] of changes.entries()) {
    report(done / changes.length);
    const { lastOutAt, cost } = computeForecast(changed(input, change));
    if (lastOutAt === null || worst - lastOutAt < (worst - startsAt) * leastSaving) continue;
    found.push({ change, lastOutAt, savedMs: worst - lastOutAt, cost });
  }
  return found.sort((a, b) => a.lastOutAt - b.lastOutAt);
}

function changesFor(input: ForecastInput, forecast: Forecast): readonly Change[] {
  const { question, traffic, routes } = input;
  const waited = forecast.limits.filter(({ waitedMs }) => waitedMs > 0);
  const licences = traffic.tenant.licences ?? 1;
  const isCounted = (what: RegExp): readonly string[] => [
    ...new Set(waited.filter(({ counted }) => what.test(counted)).flatMap((limit) => limit.routes)),
  ];
  return [
    ...routes.filter(({ circuit }) => circuit === "paused").map(({ name }): Change => ({ kind: "resume", route: name })),
    ...(waited.some(({ id }) => id === "tenant.external-recipients")
      ? [{ kind: "licences", from: licences, to: licences * 2 } as const]
      : []),
    ...isCounted(/^(mailbox|subscription|application|route)\b/).map((like): Change => ({ kind: "account", like })),
    ...otherRoutes(input),
    ...(question.perMessage === 1 && waited.some(({ id }) => /messages|requests/.test(id))
      ? [{ kind: "per-message", from: 1, to: togetherSuggested } as const]
      : []),
  ];
}

/** Routes that could carry the mail and show the same sender, but that its rule does not name. */
function otherRoutes({ question, routing, routes, pins }: ForecastInput): readonly Change[] {
  const traits = new Map(routes.map((route) => [route.name, route.traits]));
  const router = new Router(routing, traits, pins);
  const { from, size, principal } = question;
  const facts = { reversePath: from, authors: from === null ? [] : [from], size, smtputf8: false };
  const rulesOf = new Map<string, Set<string>>();
  for (const { to } of question.to) {
    const decision = router.decide({ ...facts, principal, recipientDomain: to.slice(to.lastIndexOf("@") + 1), dsn: false });
    const [first] = decision.candidates;
    if (decision.rule === null || first === undefined) continue;
    const sender = visibleSender(traits.get(first) as RouteTraits, facts, router.isAccepted);
    for (const [name, its] of traits) {
      if (decision.candidates.includes(name)) continue;
      if (rejectionOf(its, facts, decision.recipientClass === "internal", router.isAccepted) !== null) continue;
      if (visibleSender(its, facts, router.isAccepted) !== sender) continue;
      const rules = rulesOf.get(name) ?? new Set();
      rulesOf.set(name, rules.add(decision.rule));
    }
  }
  return [...rulesOf].map(([route, rules]) => ({ kind: "route", route, rules: [...rules] }));
}

function changed(input: ForecastInput, change: Change): ForecastInput {
  const { question, traffic, routing, routes } = input;
  switch (change.kind) {
    case "licences":
      return { ...input, traffic: { ...traffic, tenant: { ...traffic.tenant, licences: change.to } } };
    case "per-message":
      return { ...input, question: { ...question, perMessage: change.to } };
    case "resume":
      return { ...input, routes: routes.map((route) => (route.name === change.route ? { ...route, circuit: "closed" } : route)) };
    case "route":
      return {
        ...input,
        routing: withRoute(routing, (rule) => (change.rules.includes(rule.name) ? [...rule.routes, change.route] : rule.routes)),
      };
    case "account":
      return withAccount(input, change.like);
  }
}

/** A second account of the same kind, used beside the first. */
function withAccount(input: ForecastInput, like: string): ForecastInput {
  const { traffic, routing, routes } = input;
  const name = `${like} (another account)`;
  const route = routes.find((each) => each.name === like) as ForecastRoute;
  const counted = traffic.routes.find((each) => each.name === like) as RouteToCount;
  // A route that writes its account into From would show another sender: the simulation must see that.
  const traits = route.traits.rewritesSender === true ? { ...route.traits, account: name } : route.traits;
  return {
    ...input,
    routes: [...routes, { ...route, name, traits }],
    traffic: { ...traffic, routes: [...traffic.routes, { ...counted, name, mailbox: name, subscription: name }] },
    routing: withRoute(routing, (rule) => rule.routes.flatMap((each) => (each === like ? [each, name] : [each]))),
  };
}

type Rule = ForecastInput["routing"]["rules"][number];

function withRoute(routing: ForecastInput["routing"], routesOf: (rule: Rule) => readonly string[]): ForecastInput["routing"] {
  return { ...routing, rules: routing.rules.map((rule) => ({ ...rule, routes: routesOf(rule) })) };
}
