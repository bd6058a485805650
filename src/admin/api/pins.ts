import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { pinBody, pinView, type PinView } from "../pin-contract.ts";
import type { Gateway } from "../gateway.ts";
import type { Pin } from "../../routing/pins.ts";
import { answer, badRequest, notFound } from "./answers.ts";

const params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) });

/** Operators' pins: what goes by which route, before all rules. */
/** @param by who asks, for the trace of changes */
export function pinEndpoints(gateway: Gateway, by: string): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/pins",
      summary: "Pins in force, oldest first",
      answers: answer(Type.Object({ pins: Type.Array(pinView) })),
      handle: () => ({ pins: gateway.pins.list().map(viewOf) }),
    }),
    defineRoute({
      method: "POST",
      path: "/api/pins",
      summary: "Send what fits by one route first, as far as that can carry it",
      body: pinBody,
      answers: answer(pinView),
      handle: async ({ body }) => {
        const { forMs, ...pin } = body;
        if (!gateway.routes.list().some(({ name }) => name === pin.route)) throw notFound(`there is no route ${pin.route}`);
        // A pin of everything is a rule, and should be written down as one.
        if (pin.principal === undefined && pin.from === undefined && pin.to === undefined)
          throw badRequest("say what is pinned: a principal, a sender or a recipient");
        const until = forMs === undefined ? {} : { until: gateway.status().now + forMs };
        const added = await gateway.pins.add({ ...pin, ...until, by });
        if (added === null) throw badRequest("there are too many pins: remove some, or write a rule");
        return viewOf(added);
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/pins/{id}/remove",
      summary: "Remove a pin: the rules decide again",
      params,
      answers: answer(Type.Object({ removed: Type.String() })),
      handle: async ({ params: { id } }) => {
        if (!(await gateway.pins.remove(id))) throw notFound(`there is no pin ${id}`);
        return { removed: id };
      },
    }),
  ];
}

function viewOf({ at, until, ...pin }: Pin): PinView {
  return { ...pin, at: new Date(at).toISOString(), ...(until === undefined ? {} : { until: new Date(until).toISOString() }) };
}
