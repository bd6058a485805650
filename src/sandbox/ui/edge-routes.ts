import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { EdgeSchema } from "../exo/edge.ts";
import type { House } from "../house.ts";

export function edgeRoutes({ edge }: House): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/edge",
      summary: "What Microsoft's edge has against clients of the tenant's MX.",
      answers: { 200: { description: "The switches.", schema: EdgeSchema } },
      handle: () => edge.state,
    }),
    defineRoute({
      method: "PUT",
      path: "/api/edge",
      summary: "Replaces what Microsoft's edge has against clients; `{}` is nothing, and so is a reset.",
      body: EdgeSchema,
      answers: { 200: { description: "The switches.", schema: EdgeSchema } },
      handle: ({ body }) => {
        edge.set(body);
        return edge.state;
      },
    }),
  ];
}
