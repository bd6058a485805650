import { Readable } from "node:stream";
import { Type } from "typebox";
import { parseId } from "../../lib/ids.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import type { House } from "../house.ts";
import type { SandboxMessage } from "../messages/message.ts";

const AuthenticationSchema = Type.Union([
  Type.Object(
    {
      spf: Type.String(),
      dkim: Type.String(),
      dmarc: Type.String(),
      signedBy: Type.Array(Type.String(), { description: "Domains whose DKIM signatures hold." }),
    },
    { description: "Results as in RFC 8601: pass, fail, softfail, neutral, none, temperror, permerror." },
  ),
  Type.Null(),
]);

const DeliverySchema = Type.Object({
  recipient: Type.String(),
  to: Type.String({ description: "mailbox (of the tenant), internet or nowhere." }),
  status: Type.String({ description: "queued, delivered or bounced." }),
  address: Type.Union([Type.String(), Type.Null()], { description: "From which the service sent it; null inside the tenant." }),
  mailFrom: Type.String({ description: "The reverse-path it left with." }),
  authentication: AuthenticationSchema,
  reason: Type.Union([Type.String(), Type.Null()], { description: "What went wrong: `550 5.1.10 …`." }),
});

const AttributionSchema = Type.Object({
  direction: Type.String({ description: "Originating or Incoming." }),
  connector: Type.Union([Type.String(), Type.Null()], { description: "null: the invisible default connector." }),
  connectorType: Type.Union([Type.String(), Type.Null()]),
  by: Type.String({ description: "certificate, ip, sender-domain or default." }),
  treatAsInternal: Type.Boolean(),
});

const MessageSchema = Type.Object({
  id: Type.String(),
  service: Type.String({ description: "The room that took it: tenant-mx, internet-mx." }),
  mailFrom: Type.String({ description: "The reverse-path; empty for the null reverse-path." }),
  rcptTo: Type.Array(Type.String()),
  subject: Type.String({ description: "Decoded; empty when there is none." }),
  receivedAt: Type.String({ format: "date-time", description: "By the policy clock." }),
  verdict: Type.String({ description: "accepted" }),
  size: Type.Integer({ description: "Octets of content." }),
  messageId: Type.String({ description: "The Message-ID field; empty when there is none." }),
  account: Type.Optional(Type.String({ description: "Who had logged in." })),
  delayedUntil: Type.Optional(Type.String({ format: "date-time", description: "The service lets it wait until then (message rate)." })),
  categories: Type.Optional(Type.Array(Type.String(), { description: "SendGrid: of X-SMTPAPI." })),
  client: Type.Object({ address: Type.String(), hello: Type.String(), tls: Type.Union([Type.String(), Type.Null()]) }),
  authentication: Type.Optional(AuthenticationSchema),
  attribution: Type.Optional(AttributionSchema),
  deliveries: Type.Optional(Type.Array(DeliverySchema, { description: "What became of each recipient, where a service carries it on." })),
});

const addressFilter = (who: string) =>
  Type.Optional(
    Type.String({
      maxLength: 320,
      description: `${who}: user@domain, @domain, domain or *.domain; case does not matter. A plus may stand as it is.`,
    }),
  );

const QuerySchema = Type.Object(
  {
    to: addressFilter("One of the recipients"),
    from: Type.Optional(Type.String({ maxLength: 320, description: "The reverse-path, as `to`; `<>` for the null reverse-path." })),
    service: Type.Optional(Type.String({ maxLength: 64 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: "At most so many; absent: all that are kept." })),
  },
  { additionalProperties: false },
);

const IdSchema = Type.Object({ id: Type.String({ maxLength: 64, description: "As in the listing." }) });

export function messageRoutes({ messages }: House): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/messages",
      summary: "Messages that arrived, newest first.",
      query: QuerySchema,
      answers: { 200: { description: "The messages.", schema: Type.Array(MessageSchema) } },
      handle: ({ query }, reply) => {
        const found = messages.list({ ...query, to: withPlus(query.to), from: withPlus(query.from) });
        return reply.type("application/json; charset=utf-8").send(Readable.from(jsonPieces(found)));
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/api/messages",
      summary: "Forgets every message.",
      answers: { 200: { description: "How many went.", schema: Type.Object({ deleted: Type.Integer() }) } },
      handle: async () => ({ deleted: await messages.clear() }),
    }),
    defineRoute({
      method: "GET",
      path: "/api/messages/{id}",
      summary: "One message, without its content.",
      params: IdSchema,
      answers: { 200: { description: "The message.", schema: MessageSchema } },
      handle: ({ params }) => findMessage(messages, params.id),
    }),
    defineRoute({
      method: "GET",
      path: "/api/messages/{id}/raw",
      summary: "The content of one message, byte for byte as it came (dots unstuffed, nothing added).",
      params: IdSchema,
      answers: { 200: { description: "The content.", mediaType: "message/rfc822" } },
      handle: async ({ params }, reply) => {
        const message = findMessage(messages, params.id);
        const content = await messages.content(message);
        if (content === null) throw unknownMessage();
        // A browser must never take foreign mail for a page of ours.
        reply
          .header("content-security-policy", "sandbox; default-src 'none'")
          .header("content-disposition", `attachment; filename="${message.id}.eml"`);
        return reply.type("message/rfc822").header("content-length", message.size).send(content);
      },
    }),
  ];
}

/** An id comes from a stranger and becomes part of a path: only what formatId can have written gets further than this. */
export function findMessage(messages: House["messages"], id: string): SandboxMessage {
  const message = parseId(id) === null ? null : messages.get(id);
  if (message === null) throw unknownMessage();
  return message;
}

export function unknownMessage(): HttpFailure {
  return new HttpFailure(404, "message.unknown", "There is no such message; GET /api/messages lists those that are kept.");
}

/** In a query a plus means a space, and an address holds no space: `to=full+1@…` was meant literally. */
function withPlus(address: string | undefined): string | undefined {
  return address?.replaceAll(" ", "+");
}

const piece = 500;

/** A JSON array in pieces, so that a long listing costs little memory and does not hold up the sessions. */
function* jsonPieces(found: Iterable<SandboxMessage>): Generator<string> {
  let text = "[";
  let count = 0;
  for (const message of found) {
    text += `${count++ === 0 ? "" : ",\n"}${JSON.stringify(message)}`;
    if (count % piece === 0) {
      yield text;
      text = "";
    }
  }
  yield `${text}]`;
}
