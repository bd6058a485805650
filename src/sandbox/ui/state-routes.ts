import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { credentials } from "../credentials.ts";
import type { House } from "../house.ts";
import type { UiSurroundings } from "./ui.ts";

const TenantSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  defaultDomain: Type.String(),
  domains: Type.Array(Type.String(), { description: "Accepted domains of the tenant." }),
  mailboxes: Type.Union([Type.Array(Type.String()), Type.Null()], { description: "null: every address of the domains is a mailbox." }),
  internet: Type.Object({ domains: Type.Array(Type.String()) }, { description: "Domains of the outside world." }),
  services: Type.Array(Type.Object({ service: Type.String(), address: Type.String({ description: "host:port" }) })),
});

const StateSchema = Type.Object({ status: Type.String() });

export function stateRoutes(house: House, { services }: UiSurroundings): readonly ApiRoute[] {
  const { options, messages, faults, clock } = house;
  return [
    defineRoute({
      method: "POST",
      path: "/api/reset",
      summary: "Back to the beginning: no messages, the faults of the configuration, the clock at wall time, no usage. The tenant stays.",
      answers: {
        200: {
          description: "Done.",
          schema: Type.Object({ messages: Type.Integer({ description: "How many went." }), now: Type.String({ format: "date-time" }) }),
        },
      },
      handle: async () => {
        faults.clear();
        for (const rule of options.faults) faults.add(rule);
        await clock.reset();
        const gone = await messages.clear();
        options.log({ event: "sandbox.reset" });
        return { messages: gone, now: new Date(clock.now()).toISOString() };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/api/tenant",
      summary: "The tenant and the outside world.",
      answers: { 200: { description: "The tenant.", schema: TenantSchema } },
      handle: () => ({
        id: credentials.tenantId,
        name: options.tenant.name,
        defaultDomain: options.tenant.domains[0] ?? "",
        domains: options.tenant.domains,
        mailboxes: options.tenant.mailboxes,
        internet: { domains: options.internet.domains },
        services: services.map(({ service, port }) => ({ service, address: `${options.address}:${port}` })),
      }),
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
