import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import type { House } from "../house.ts";

const UsageSchema = Type.Object({
  service: Type.String(),
  what: Type.String({ description: "recipients, messages, connections." }),
  account: Type.String({ description: "Mailbox, HVE account, subscription or key." }),
  used: Type.Integer(),
  limit: Type.Union([Type.Integer(), Type.Null()], { description: "null: counted only." }),
  window: Type.Union([Type.Number(), Type.Null()], {
    description: "Seconds of the sliding window; null: held just now, or since the last reset.",
  }),
});

export function usageRoutes({ usage, clock }: House): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/usage",
      summary: "What accounts have used up of the published limits.",
      answers: { 200: { description: "The counters that are not zero.", schema: Type.Array(UsageSchema) } },
      handle: () => usage.list(clock.now()),
    }),
  ];
}
