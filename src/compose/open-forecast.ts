import type { ForecastAnswer, ForecastControl, ForecastRequest } from "../admin/gateway.ts";
import { countedTraffic } from "../config/counted-traffic.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { Addressees, ForecastQuestion, ForecastRoute } from "../forecast/forecast.ts";
import { QuestionRefused } from "../forecast/question-refused.ts";
import { runForecast } from "../forecast/run-forecast.ts";
import type { PolicyClock } from "../lib/clock.ts";
import type { Ledger } from "../limits/ledger.ts";
import type { Archive } from "../queue/archive.ts";
import type { Outlet } from "../queue/outlet.ts";
import type { Queue } from "../queue/queue.ts";
import { acceptedDomains } from "../routing/decide.ts";
import { overrideValues, readOverrides } from "../services/overrides.ts";

export interface ForecastParts {
  readonly clock: PolicyClock;
  readonly archive: Archive;
  readonly queue: Pick<Queue, "router" | "dispatcher">;
  readonly ledger: Ledger;
}

/** Each has a thread and memory of its own. */
const maxAtOnce = 2;
/** Whoever is outside and unknown: a name that is nobody's (RFC 2606 §2). */
const elsewhere = "elsewhere.invalid";

/** Answers when mail that is not sent yet would be out, from what this gateway has, knows and is configured to. @param config as it is in force */
export function openForecast(config: GatewayConfig, { clock, archive, queue, ledger }: ForecastParts): ForecastControl {
  let running = 0;
  return {
    async ask(request, options): Promise<ForecastAnswer> {
      const now = clock.now();
      const question = questionOf(request, config, now);
      if (running >= maxAtOnce) throw new QuestionRefused("busy", "other forecasts are being made: ask again in a moment");
      running++;
      try {
        const backlog = await archive.backlog(now);
        const named = new Set(question.to.filter(({ to }) => !to.startsWith("@")).map(({ to }) => to));
        const forecast = await runForecast(
          {
            now,
            question,
            ledger: ledger.snapshot(named),
            traffic: countedTraffic(config),
            overrides: overrideValues(readOverrides(config.services)),
            routing: config.routing,
            pins: queue.router.pins,
            routes: [...queue.dispatcher.outlets.values()].map(routeOf),
            backlog,
          },
          options,
        );
        return { now, question, forecast };
      } finally {
        running--;
      }
    },
  };
}

function routeOf({ route, circuit, meanMs }: Outlet): ForecastRoute {
  return { name: route.name, traits: { ...route.traits }, meanMs, circuit: circuit.state, retryAt: circuit.retryAt };
}

function questionOf(request: ForecastRequest, config: GatewayConfig, now: number): ForecastQuestion {
  const { internal = 0, external = 0, to = [], startsAt = now } = request;
  const sender = senderOf(request, config);
  const addressees: Addressees[] = to.map((each) => ({ to: each.to.toLowerCase(), count: each.count }));
  if (internal > 0) {
    const [domain] = acceptedDomains(config.routing.acceptedDomains).exact;
    if (domain === undefined) throw new QuestionRefused("invalid", "no domain is internal: routing.acceptedDomains names none");
    addressees.push({ to: `@${domain}`, count: internal });
  }
  if (external > 0) addressees.push({ to: `@${elsewhere}`, count: external });
  if (addressees.length === 0) throw new QuestionRefused("invalid", "no recipients: say how many are internal, external, or who they are");
  if (startsAt < now) throw new QuestionRefused("invalid", "it cannot be handed over in the past");
  const { size, perMessage, priority } = request;
  return { to: addressees, ...sender, size, perMessage, priority, startsAt };
}

/** Who sends, when it is not said: the first principal, or network, of the configuration, with an address that it may use. */
function senderOf(
  { from, principal }: ForecastRequest,
  { principals, networks }: GatewayConfig,
): Pick<ForecastQuestion, "from" | "principal"> {
  const known = [
    ...principals.map(({ name, reversePaths }) => ({ name, reversePaths })),
    ...networks.map(({ name, reversePaths }) => ({ name: `net:${name}`, reversePaths })),
  ];
  const who = principal === undefined ? known[0] : known.find(({ name }) => name === principal);
  if (who === undefined)
    throw new QuestionRefused("invalid", principal === undefined ? "nobody may send here yet" : `there is no principal ${principal}`);
  if (from !== undefined) return { from: from === null ? null : from.toLowerCase(), principal: who.name };
  const address = who.reversePaths.map(exampleOf).find((one) => one !== null);
  if (address === undefined) throw new QuestionRefused("invalid", `say from whom: ${who.name} may send from many addresses`);
  return { from: address, principal: who.name };
}

/** An address of a pattern; null: it has none that one could guess. */
function exampleOf(pattern: string): string | null {
  if (pattern.includes("*") || pattern === "<>") return null;
  return (pattern.startsWith("@") ? `anyone${pattern}` : pattern).toLowerCase();
}
