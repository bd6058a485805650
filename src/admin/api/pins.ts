import { Type } from "typebox";
import { formatId } from "../../lib/ids.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { pinBody, pinView, type PinView } from "../pin-contract.ts";
import type { Gateway } from "../gateway.ts";
import type { Pin } from "../../routing/pins.ts";
import { answer, badRequest, notFound } from "./answers.ts";
import { idOf } from "./messages.ts";

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
        const { forMs, message, ...pin } = body;
        if (!gateway.routes.list().some(({ name }) => name === pin.route)) throw notFound(`there is no route ${pin.route}`);
        // A pin of everything is a rule, and should be written down as one.
        if (message === undefined && pin.principal === undefined && pin.from === undefined && pin.to === undefined)
          throw badRequest("say what is pinned: a message, a principal, a sender or a recipient");
        const end = forMs === undefined ? Infinity : gateway.status().now + forMs;
        const one = message === undefined ? null : await waitingMessage(gateway, message);
        const until = Math.min(end, one?.expiresAt ?? Infinity);
        if (one !== null) await dropIdle(gateway);
        const added = await gateway.pins.add({
          ...pin,
          ...(one === null ? {} : { message: one.id }),
          ...(until === Infinity ? {} : { until }),
          by,
        });
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

/** @throws HttpFailure when there is none, or none that a pin could still help */
async function waitingMessage(gateway: Gateway, text: string): Promise<{ readonly id: number; readonly expiresAt: number }> {
  const id = await idOf(gateway, text);
  const record = id === null ? null : await gateway.trace(id);
  if (record === null) throw notFound(`no message ${text} is known here`);
  if (record.finishedAt !== undefined) throw badRequest(`message ${formatId(record.id)} waits no more`);
  return record;
}

/** Pins of messages that wait no more: they would only take the place of others. */
async function dropIdle(gateway: Gateway): Promise<void> {
  for (const { id, message } of gateway.pins.list())
    if (message !== undefined && (await gateway.queue.count({ ids: [message] })) === 0) await gateway.pins.remove(id);
}

function viewOf({ at, until, message, ...pin }: Pin): PinView {
  return {
    ...pin,
    ...(message === undefined ? {} : { message: formatId(message) }),
    at: new Date(at).toISOString(),
    ...(until === undefined ? {} : { until: new Date(until).toISOString() }),
  };
}
