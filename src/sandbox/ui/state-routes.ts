import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import type { House } from "../house.ts";

const StateSchema = Type.Object({ status: Type.String() });

export function stateRoutes(house: House): readonly ApiRoute[] {
  const { options, messages, faults, clock, dns, edge } = house;
  return [
    defineRoute({
      method: "POST",
      path: "/api/reset",
      summary:
        "Back to the beginning: no messages, the faults and DNS records of the configuration, the clock where it began, no usage. The tenant stays.",
      answers: {
        200: {
          description: "Done.",
          schema: Type.Object({ messages: Type.Integer({ description: "How many went." }), now: Type.String({ format: "date-time" }) }),
        },
      },
      handle: async () => {
        faults.clear();
        for (const rule of options.faults) faults.add(rule);
        dns.reset();
        edge.set({});
        house.usage.clear();
        await clock.reset(options.startAt);
        const gone = await messages.clear();
        options.log({ event: "sandbox.reset" });
        return { messages: gone, now: new Date(clock.now()).toISOString() };
      },
    }),
    // The control API opens last, so whoever gets an answer here finds every other port open.
    ...["/livez", "/readyz"].map((path) =>
      defineRoute({
        method: "GET",
        path,
        summary: path === "/livez" ? "The process answers." : "Every listener is up.",
        answers: { 200: { description: "Yes.", schema: StateSchema } },
        handle: () => ({ status: "ok" }),
      }),
    ),
  ];
}
