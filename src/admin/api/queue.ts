import { Type, type Static } from "typebox";
import { formatId, parseId } from "../../lib/ids.ts";
import { parseDuration } from "../../lib/units.ts";
import type { QueueFilter } from "../../queue/archive.ts";
import {
  queueChangeView,
  queueCountQuery,
  queueListView,
  queueQuery,
  queueSelector,
  type QueueChangeView,
  type QueueListView,
  type QueueSelector,
} from "../contract.ts";
import type { Gateway, QueueAction } from "../gateway.ts";
import { queueEntryOf } from "../views.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { answer, badRequest, notFound } from "./answers.ts";
import { idOf } from "./messages.ts";

const actions: Readonly<Record<QueueAction, string>> = {
  hold: "Hold messages: they wait until released",
  release: "Release held messages",
  retry: "Attempt messages now instead of at their next attempt",
  drop: "Drop messages for good; nobody is told",
};

/** What waits, and how operators change it. */
/** @param by who asks, for the trace of changes */
export function queueEndpoints(gateway: Gateway, by: string): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/queue",
      summary: "Messages that wait, in the order they came",
      query: queueQuery,
      answers: answer(queueListView),
      handle: ({ query }) => listQueue(gateway, query),
    }),
    defineRoute({
      method: "GET",
      path: "/api/queue/count",
      summary: "How many messages wait",
      query: queueCountQuery,
      answers: answer(Type.Object({ messages: Type.Integer() })),
      handle: async ({ query }) => ({ messages: await gateway.queue.count(filterOf(gateway, query)) }),
    }),
    ...(Object.keys(actions) as QueueAction[]).map((action) =>
      defineRoute({
        method: "POST",
        path: `/api/queue/${action}`,
        summary: actions[action],
        body: queueSelector,
        answers: answer(queueChangeView),
        handle: async ({ body }): Promise<QueueChangeView> => ({
          ...(await gateway.queue.change(action, await selectorOf(gateway, body), by)),
        }),
      }),
    ),
  ];
}

export async function listQueue(gateway: Gateway, query: Static<typeof queueQuery>): Promise<QueueListView> {
  const limit = query.limit ?? 100;
  const after = query.after === undefined ? undefined : parseId(query.after);
  if (after === null) throw badRequest(`"${query.after}" is not an id`);
  const entries = await gateway.queue.list(filterOf(gateway, query), { limit, ...(after === undefined ? {} : { after }) });
  const last = entries.length === limit ? entries.at(-1) : undefined;
  return { messages: entries.map(queueEntryOf), ...(last === undefined ? {} : { next: formatId(last.message.id) }) };
}

function filterOf(gateway: Gateway, query: Omit<QueueSelector, "ids" | "all">): QueueFilter {
  const { olderThan, ...rest } = query;
  const { state, principal, sender, recipient } = rest;
  const age = olderThan === undefined ? null : parseDuration(olderThan);
  return {
    ...(state === undefined ? {} : { state: state }),
    ...(principal === undefined ? {} : { principal }),
    ...(sender === undefined ? {} : { sender }),
    ...(recipient === undefined ? {} : { recipient }),
    ...(age === null ? {} : { olderThan: gateway.status().now - age }),
  };
}

async function selectorOf(gateway: Gateway, body: QueueSelector): Promise<QueueFilter> {
  const filter = filterOf(gateway, body);
  if (body.ids !== undefined) {
    const ids: number[] = [];
    for (const text of body.ids) {
      const id = await idOf(gateway, text);
      if (id === null) throw notFound(`no message ${text} is known here`);
      ids.push(id);
    }
    return { ...filter, ids };
  }
  // An empty selector would mean everything, which nobody may do by forgetting a word.
  if (Object.keys(filter).length === 0 && body.all !== true) throw badRequest("name messages, give a filter, or say all");
  return filter;
}
