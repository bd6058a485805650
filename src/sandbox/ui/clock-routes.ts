import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import { parseDuration } from "../../lib/units.ts";
import type { ClockLine } from "../clock/followers.ts";
import type { Move } from "../clock/sandbox-clock.ts";
import type { House } from "../house.ts";
import { parseInstant } from "./instant.ts";
import type { UiSurroundings } from "./ui.ts";

const ClockSchema = Type.Object({
  now: Type.String({ format: "date-time", description: "Policy time." }),
  offsetMs: Type.Number({ description: "Policy time less wall time." }),
  followers: Type.Array(
    Type.Object({ id: Type.String(), atRest: Type.Boolean(), nextDue: Type.Union([Type.String({ format: "date-time" }), Type.Null()]) }),
  ),
});

const MoveSchema = Type.Object({
  now: Type.String({ format: "date-time" }),
  advancedMs: Type.Number(),
  steps: Type.Integer({ description: "How many times the clock stopped to let what fell due run." }),
  late: Type.Array(Type.String(), { description: "Followers that had not come to rest within 30 s of wall time; what they do goes on." }),
});

const MoveRequestSchema = Type.Object(
  {
    now: Type.Optional(Type.String({ maxLength: 40, description: "ISO 8601 with a zone: `2027-01-15T00:00:00Z`, or a date alone." })),
    advance: Type.Optional(Type.String({ maxLength: 40, description: "`90s`, `5m`, `24h`, `2d`." })),
  },
  { additionalProperties: false, minProperties: 1, maxProperties: 1, description: "Either `now` or `advance`." },
);

const AckSchema = Type.Object(
  {
    followerId: Type.String({ minLength: 1, maxLength: 64 }),
    seq: Type.Integer({ minimum: 0 }),
    nextDue: Type.Union([Type.Number(), Type.Null()], { description: "Policy time in ms when the follower's next waiter falls due." }),
  },
  { additionalProperties: false },
);

/** Nothing in mail is dated later, and every date until then can be written. */
const latest = Date.UTC(2100, 0, 1);

export function clockRoutes({ clock, options }: House, { followers, signal }: UiSurroundings): readonly ApiRoute[] {
  const report = (move: Move) => {
    const answer = { now: iso(move.now), advancedMs: move.advancedMs, steps: move.steps, late: move.late };
    options.log({ event: "sandbox.clock-moved", ...answer });
    return answer;
  };
  return [
    defineRoute({
      method: "GET",
      path: "/api/clock",
      summary: "The policy clock and who follows it.",
      answers: { 200: { description: "The clock.", schema: ClockSchema } },
      handle: () => ({
        now: iso(clock.now()),
        offsetMs: clock.offsetMs,
        followers: followers.list().map(({ id, atRest, nextDue }) => ({ id, atRest, nextDue: nextDue === null ? null : iso(nextDue) })),
      }),
    }),
    defineRoute({
      method: "POST",
      path: "/api/clock",
      summary: "Moves the policy clock forward; answers when everything that fell due has run, in order, here and at the followers.",
      body: MoveRequestSchema,
      answers: {
        200: { description: "Moved.", schema: MoveSchema },
        409: { description: "That would be going back: POST /api/reset first." },
      },
      handle: async ({ body }) => {
        if (body.advance !== undefined) {
          const ms = parseDuration(body.advance);
          if (ms === null) throw new HttpFailure(400, "clock.bad-duration", "`advance` is a duration such as 90s, 5m, 24h or 2d.");
          if (clock.now() + ms > latest) throw tooLate();
          return report(await clock.advance(ms, signal));
        }
        const now = parseInstant(body.now ?? "");
        if (now > latest) throw tooLate();
        const move = await clock.moveTo(now, signal);
        if (move === null)
          throw new HttpFailure(
            409,
            "clock.needs-reset",
            `The clock stands at ${iso(clock.now())}; going back needs a reset: POST /api/reset.`,
          );
        return report(move);
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/clock/follow",
      summary: "The clock as a stream of JSON lines {seq, now, offset}: at once, and at each change.",
      description:
        "With a followerId, moves of the clock wait for this follower to acknowledge each line by POST; without, it only watches.",
      query: Type.Object({ followerId: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })) }, { additionalProperties: false }),
      answers: { 200: { description: "The stream.", mediaType: "application/x-ndjson" } },
      handle: ({ query }, reply) => {
        const { raw } = reply;
        const send = (line: ClockLine): void => {
          // A reader that does not read is let go, not buffered for.
          if (raw.writableLength > maxUnread) raw.destroy();
          else raw.write(`${JSON.stringify(line)}\n`);
        };
        const start = (): void => {
          reply.hijack();
          raw.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store", "x-content-type-options": "nosniff" });
        };
        if (followers.full) throw new HttpFailure(503, "clock.too-many-followers", "Too many follow this clock already.");
        start();
        const place = followers.join(query.followerId, send);
        raw.once("close", () => place[Symbol.dispose]());
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/clock/follow",
      summary: "A follower has set its clock as in line `seq`, and everything due by then has run and come to rest.",
      body: AckSchema,
      answers: { 200: { description: "Noted.", schema: Type.Object({ seq: Type.Integer() }) } },
      handle: ({ body }) => {
        if (!followers.ack(body.followerId, body.seq, body.nextDue))
          throw new HttpFailure(
            409,
            "clock.unknown-follower",
            "Nobody of that id follows, or there was no such line yet: open GET /api/clock/follow?followerId=… first.",
          );
        return { seq: body.seq };
      },
    }),
  ];
}

const maxUnread = 64 * 1024;

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function tooLate(): HttpFailure {
  return new HttpFailure(400, "clock.too-late", "The clock goes to the year 2100 and no further.");
}
