import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import type { UiSurroundings } from "./ui.ts";

/** Entra in the control API: device codes that wait for somebody, and the roll of its signing key. */
export function entraRoutes({ entra }: Pick<UiSurroundings, "entra">): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/entra/device-codes",
      summary: "Device codes that wait for a decision.",
      answers: {
        200: {
          description: "The codes.",
          schema: Type.Array(
            Type.Object({
              userCode: Type.String(),
              clientId: Type.String(),
              resource: Type.String(),
              endsAt: Type.String({ format: "date-time" }),
            }),
          ),
        },
      },
      handle: () =>
        entra.grants.devicesWaiting().map(({ userCode, clientId, asked, endsAt }) => ({
          userCode,
          clientId,
          resource: asked.audience,
          endsAt: new Date(endsAt).toISOString(),
        })),
    }),
    defineRoute({
      method: "POST",
      path: "/api/entra/device-codes/{userCode}",
      summary: "Decides about a device code, as a person would on the page /devicelogin.",
      params: Type.Object({ userCode: Type.String({ maxLength: 32 }) }),
      body: Type.Object(
        {
          user: Type.Optional(Type.String({ maxLength: 320, description: "Who signs in: a mailbox or an HVE account. Absent with deny." })),
          deny: Type.Optional(Type.Boolean({ description: "The person says no." })),
        },
        { additionalProperties: false },
      ),
      answers: { 200: { description: "Decided.", schema: Type.Object({ decided: Type.Literal(true) }) } },
      handle: ({ params, body }) => {
        const user = entra.user(body.user ?? "");
        if (user === null && body.deny !== true)
          throw new HttpFailure(400, "entra.unknown-user", "Name a mailbox or an HVE account of the tenant.");
        if (!entra.grants.decide(params.userCode, body.deny === true || user === null ? "denied" : { user: user.address }))
          throw new HttpFailure(404, "entra.unknown-code", "No such code waits; GET /api/entra/device-codes lists them.");
        return { decided: true };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/entra/keys",
      summary: "Rolls the key that signs tokens; the old ones stay published, three in all.",
      answers: { 200: { description: "Rolled.", schema: Type.Object({ kid: Type.String() }) } },
      handle: () => ({ kid: entra.keys.roll().kid }),
    }),
  ];
}
