import { changeWords, explainForecast } from "../../forecast/explain-forecast.ts";
import { QuestionRefused } from "../../forecast/question-refused.ts";
import { isDay } from "../../lib/days.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import { isoTime } from "../../lib/units.ts";
import { forecastBody, forecastView, type ForecastBody, type ForecastLine, type ForecastView } from "../forecast-contract.ts";
import type { ForecastAnswer, ForecastRequest, Gateway } from "../gateway.ts";
import { answer, badRequest } from "./answers.ts";

const defaultSize = 65_536;
/** For all simulations of one question. */
const timeoutMs = 10 * 60_000;

/** When mail that is not sent yet would be out. */
export function forecastEndpoint(gateway: Gateway): ApiRoute {
  return defineRoute({
    method: "POST",
    path: "/api/forecast",
    summary: "When such mail would be out, by which routes, what it waits for and costs; nothing is sent",
    body: forecastBody,
    answers: answer(forecastView),
    handle: async ({ body }, reply) => {
      const gone = new AbortController();
      const { raw } = reply;
      raw.on("close", () => gone.abort(new Error("whoever asked has gone")));
      const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(timeoutMs)]);
      const request = requestOf(body);
      const ask = (onProgress?: (share: number) => void) =>
        gateway.forecast
          .ask(request, { faster: body.faster ?? true, signal, ...(onProgress === undefined ? {} : { onProgress }) })
          .then(viewOf);
      if (body.progress !== true) return await ask().catch(refused);
      reply.hijack();
      raw.writeHead(200, { "content-type": "application/x-ndjson" });
      const line = (value: ForecastLine) => raw.write(`${JSON.stringify(value)}\n`);
      try {
        line({ forecast: await ask((progress) => line({ progress })) });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        line({ error: { code: error instanceof QuestionRefused ? error.reason : "failed", message } });
      }
      raw.end();
      return undefined;
    },
  });
}

function refused(error: unknown): never {
  if (!(error instanceof QuestionRefused)) throw error;
  if (error.reason === "busy") throw new HttpFailure(429, "request.busy", error.message);
  throw badRequest(error.message);
}

function requestOf(body: ForecastBody): ForecastRequest {
  const { internal, external, to, from, principal, priority = "bulk", size = defaultSize, perMessage = 1, asOf } = body;
  return {
    priority,
    size,
    perMessage,
    ...(internal === undefined ? {} : { internal }),
    ...(external === undefined ? {} : { external }),
    ...(to === undefined ? {} : { to }),
    ...(from === undefined ? {} : { from: from === "" || from === "<>" ? null : from }),
    ...(principal === undefined ? {} : { principal }),
    ...(asOf === undefined ? {} : { startsAt: timeOf(asOf) }),
  };
}

function timeOf(text: string): number {
  const time = isDay(text) ? Date.parse(`${text}T00:00:00Z`) : /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw badRequest(`"${text}" is no day and no time: 2027-01-15, 2027-01-15T08:00:00Z`);
  return time;
}

function viewOf({ now, question, forecast }: ForecastAnswer): ForecastView {
  const { startsAt, firstOutAt, lastOutAt, horizonAt, routes, limits, backlog, faster, unroutable } = forecast;
  return {
    now: isoTime(now),
    startsAt: isoTime(startsAt),
    from: question.from ?? "<>",
    principal: question.principal,
    priority: question.priority,
    recipients: forecast.recipients,
    firstOutAt: perhaps(firstOutAt),
    lastOutAt: perhaps(lastOutAt),
    left: forecast.left,
    horizonAt: isoTime(horizonAt),
    unroutable: unroutable.map(({ to, count, reasons }) => ({ to, count, reasons: reasons.map((reason) => ({ ...reason })) })),
    routes: routes.map(({ isMeasured, ...route }) => ({ ...route, lastOutAt: isoTime(route.lastOutAt), measured: isMeasured })),
    limits: limits.map((limit) => ({
      ...limit,
      routes: [...limit.routes],
      from: isoTime(limit.from),
      until: isoTime(limit.until),
      waitedMs: Math.round(limit.waitedMs),
    })),
    cost: forecast.cost,
    backlog: { recipients: backlog.recipients, left: backlog.left, lastOutAt: perhaps(backlog.lastOutAt) },
    faster: faster.map((better) => ({
      kind: better.change.kind,
      text: changeWords(question, better.change),
      lastOutAt: isoTime(better.lastOutAt),
      savedMs: Math.round(better.savedMs),
      cost: better.cost,
    })),
    text: [...explainForecast(question, forecast)],
  };
}

function perhaps(time: number | null): string | null {
  return time === null ? null : isoTime(time);
}
