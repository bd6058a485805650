import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { decisionView, explainBody, outlookView, probeView, routeView, type ProbeView, type RouteView } from "../contract.ts";
import type { Gateway } from "../gateway.ts";
import { explainOutlooks } from "../../reports/explain-outlook.ts";
import type { StoryTeller } from "../../reports/story.ts";
import { routeOf } from "../views.ts";
import { answer, notFound } from "./answers.ts";

const params = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) });
const explained = Type.Object({
  recipient: Type.String(),
  decision: decisionView,
  outlooks: Type.Array(outlookView),
  text: Type.Array(Type.String()),
});
const probeTimeoutMs = 60_000;

/** Ways out: their health, and what routing would decide. */
/** @param by who asks */
export function routeEndpoints(gateway: Gateway, teller: StoryTeller, by: string): readonly ApiRoute[] {
  const find = (name: string): RouteView => {
    const route = gateway.routes.list().find((each) => each.name === name);
    if (route === undefined) throw notFound(`there is no route ${name}`);
    return routeOf(route);
  };
  const change = (action: "pause" | "resume", summary: string) =>
    defineRoute({
      method: "POST",
      path: `/api/routes/{name}/${action}`,
      summary,
      params,
      answers: answer(routeView),
      handle: async ({ params: { name } }) => {
        find(name);
        await gateway.routes[action](name, by);
        return find(name);
      },
    });
  return [
    defineRoute({
      method: "GET",
      path: "/api/routes",
      summary: "Routes and their health",
      answers: answer(Type.Object({ routes: Type.Array(routeView) })),
      handle: () => ({ routes: gateway.routes.list().map(routeOf) }),
    }),
    defineRoute({
      method: "GET",
      path: "/api/routes/{name}",
      summary: "One route",
      params,
      answers: answer(routeView),
      handle: ({ params: { name } }) => find(name),
    }),
    change("pause", "Close a route to traffic"),
    change("resume", "Open a route to traffic again"),
    defineRoute({
      method: "POST",
      path: "/api/routes/{name}/probe",
      summary: "Try a route up to but not including a message",
      params,
      answers: answer(probeView),
      handle: async ({ params: { name } }): Promise<ProbeView> => {
        const result = await gateway.routes.probe(name, AbortSignal.timeout(probeTimeoutMs));
        if (result === null) throw notFound(`there is no route ${name}`);
        return { ok: result.ok, text: result.text, steps: result.steps.map((step) => ({ ...step })) };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/routes/explain",
      summary: "What routing would decide for such a message; nothing is sent",
      body: explainBody,
      answers: answer(Type.Object({ answers: Type.Array(explained) })),
      handle: ({ body }) => {
        const from = body.from === "" || body.from === "<>" ? null : body.from;
        const { replyTo } = body;
        const answers = gateway.explain({
          from,
          to: body.to,
          size: body.size ?? 10_000,
          principal: body.principal ?? "",
          authors: body.authors ?? [],
          ...(replyTo === undefined ? {} : { replyTo }),
        });
        return {
          answers: answers.map(({ recipient, decision, outlooks }) => ({
            recipient,
            decision,
            outlooks,
            text: [...teller.why(decision), ...explainOutlooks(outlooks)],
          })),
        };
      },
    }),
  ];
}
