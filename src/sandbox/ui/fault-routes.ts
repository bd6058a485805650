import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import { FaultRuleSchema, FaultSchema, maxFaults } from "../faults/faults.ts";
import type { House } from "../house.ts";

export function faultRoutes({ faults }: House): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/faults",
      summary: "The faults in force; the first that fits acts.",
      answers: { 200: { description: "The faults.", schema: Type.Array(FaultSchema) } },
      handle: () => faults.list(),
    }),
    defineRoute({
      method: "POST",
      path: "/api/faults",
      summary: "Adds a fault.",
      body: FaultRuleSchema,
      answers: { 201: { description: "Added.", schema: FaultSchema } },
      handle: ({ body }, reply) => {
        const fault = faults.add(body);
        if (fault === null)
          throw new HttpFailure(409, "fault.too-many", `There are ${maxFaults} faults already: DELETE /api/faults first.`);
        return reply.code(201).send(fault);
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/api/faults",
      summary: "Removes every fault.",
      answers: { 200: { description: "How many went.", schema: Type.Object({ deleted: Type.Integer() }) } },
      handle: () => {
        const deleted = faults.list().length;
        faults.clear();
        return { deleted };
      },
    }),
    defineRoute({
      method: "DELETE",
      path: "/api/faults/{id}",
      summary: "Removes one fault.",
      params: Type.Object({ id: Type.String({ maxLength: 16 }) }),
      answers: { 200: { description: "Gone.", schema: Type.Object({ deleted: Type.Integer() }) } },
      handle: ({ params }) => {
        if (!faults.remove(params.id)) throw new HttpFailure(404, "fault.unknown", "There is no such fault; GET /api/faults lists them.");
        return { deleted: 1 };
      },
    }),
  ];
}
