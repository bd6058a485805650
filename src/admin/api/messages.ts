import { Type } from "typebox";
import { formatId, parseId } from "../../lib/ids.ts";
import { isoTime, parseDuration } from "../../lib/units.ts";
import type { TraceRecord } from "../../queue/archive.ts";
import type { Decision } from "../../routing/decide.ts";
import { findQuery, findView, traceView, whyView, type FindView, type TraceView, type WhyView } from "../contract.ts";
import type { Gateway } from "../gateway.ts";
import { explainGate } from "../../reports/explain-limit.ts";
import { explainOutlooks } from "../../reports/explain-outlook.ts";
import type { StoryTeller } from "../../reports/story.ts";
import { summaryOf, traceOf } from "../views.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { answer, badRequest, notFound } from "./answers.ts";

const params = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 1000, description: "Our id, or the Message-ID with or without angle brackets." }),
});

/** Where is my mail, and why did it go there. */
export function messageEndpoints(gateway: Gateway, teller: StoryTeller): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/messages",
      summary: "Find messages, waiting and finished, newest first",
      query: findQuery,
      answers: answer(findView),
      handle: async ({ query }): Promise<FindView> => {
        const now = gateway.status().now;
        const since = query.since === undefined ? undefined : timeOf(query.since, now);
        const until = query.until === undefined ? undefined : timeOf(query.until, now);
        const found = await gateway.find({
          ...(query.messageId === undefined ? {} : { messageIdField: bracketed(query.messageId) }),
          ...(query.from === undefined ? {} : { sender: query.from }),
          ...(query.to === undefined ? {} : { recipient: query.to }),
          ...(since === undefined ? {} : { since }),
          ...(until === undefined ? {} : { until }),
          limit: query.limit ?? 50,
        });
        return { messages: found.map(summaryOf) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/messages/{id}",
      summary: "The story of one message",
      params,
      answers: answer(traceView),
      handle: ({ params: { id } }) => traceMessage(gateway, teller, id),
    }),
    defineRoute({
      method: "GET",
      path: "/api/messages/{id}/why",
      summary: "Why each recipient took its route",
      params,
      answers: answer(whyView),
      handle: async ({ params: { id } }): Promise<WhyView> => {
        const record = await findRecord(gateway, id);
        const decisions = await decisionsOf(gateway, record);
        const presents = record.finishedAt === undefined ? await gateway.presentDecisions(record.id) : new Map<number, Decision>();
        return {
          id: formatId(record.id),
          recipients: record.recipients.map(({ n, address, state, decision: key }) => {
            const decision = decisions.get(key) ?? null;
            const present = state === "queued" || state === "held" ? presents.get(n) : undefined;
            return {
              address,
              decision: decision as never,
              ...(present === undefined ? {} : { present: present as never }),
              text:
                decision === null
                  ? ["The decision is not stored any more."]
                  : [
                      ...teller.why(decision, record, n, present),
                      ...(state === "queued" || state === "leased" ? gatesText(gateway, record, present ?? decision) : []),
                      ...outlookText(gateway, record, decision),
                    ],
            };
          }),
        };
      },
    }),
  ];
}

/** Limits that it waits for now. */
function gatesText(
  gateway: Gateway,
  { priority = "transactional" }: TraceRecord,
  { candidates, recipientClass }: Decision,
): readonly string[] {
  const routes = gateway.routes.list().filter(({ name }) => candidates.includes(name));
  return routes.flatMap(({ name, gates }) =>
    gates
      .filter((gate) => gate.priority === priority && (gate.recipients === "all" || gate.recipients === recipientClass))
      .map((gate) => `Route "${name}" is at a limit: ${explainGate({ ...gate, until: isoTime(gate.until) })}.`),
  );
}

/** What its routes do to it, by the traits they have now. */
function outlookText(gateway: Gateway, record: TraceRecord, decision: Decision): readonly string[] {
  const { reversePath, author, size } = record;
  const authors = author === "" ? [] : author.split(", ");
  const recipients = record.recipients.filter((other) => other.decision === decision.key).length;
  const outlooks = gateway.outlooks(decision, { reversePath, authors, size, recipients });
  return outlooks.length === 0 ? [] : ["What each route does to it, as the routes are now:", ...explainOutlooks(outlooks)];
}

/** @throws HttpFailure 404 */
export async function traceMessage(gateway: Gateway, teller: StoryTeller, id: string): Promise<TraceView> {
  const record = await findRecord(gateway, id);
  return traceOf(record, teller.story(record, await decisionsOf(gateway, record)));
}

/** Ids of the messages that a MSGID names: one, or none. */
export async function idOf(gateway: Gateway, text: string): Promise<number | null> {
  const id = parseId(text);
  if (id !== null && (await gateway.trace(id)) !== null) return id;
  const [found] = await gateway.find({ messageIdField: bracketed(text), limit: 1 });
  return found?.id ?? null;
}

async function findRecord(gateway: Gateway, text: string): Promise<TraceRecord> {
  const id = await idOf(gateway, text);
  const record = id === null ? null : await gateway.trace(id);
  if (record === null) throw notFound(`no message ${text} is known here (or it is past retention)`);
  return record;
}

async function decisionsOf(gateway: Gateway, record: TraceRecord): Promise<ReadonlyMap<string, Decision>> {
  const decisions = new Map<string, Decision>();
  for (const key of new Set(record.recipients.map((recipient) => recipient.decision))) {
    const decision = await gateway.decision(key);
    if (decision !== null) decisions.set(key, decision);
  }
  return decisions;
}

function bracketed(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith("<") ? trimmed : `<${trimmed}>`;
}

function timeOf(text: string, now: number): number {
  const back = parseDuration(text);
  if (back !== null) return now - back;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw badRequest(`"${text}" is neither a time (ISO 8601) nor a duration back from now (2h)`);
  return time;
}
