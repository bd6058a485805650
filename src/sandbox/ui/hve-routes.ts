import { Type } from "typebox";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { explainCmdlet, type Explanation } from "../cmdlets/explain-cmdlet.ts";
import type { House } from "../house.ts";
import { addHveAccount, changeHveAccount, hveAccountLimit, needHveAccount, removeHveAccount } from "../tenant/hve-administration.ts";
import { HveAccountSchema } from "../tenant/tenant-schema.ts";
import { changeTenant, failureOf } from "./tenant-routes.ts";

/** HVE accounts by the control API, and the reader of cmdlets. */
const strict = { additionalProperties: false } as const;
const one = Type.Object({ address: Type.String({ maxLength: 320, description: "Primary address, or alias." }) });

const NewAccountSchema = Type.Object(
  {
    displayName: Type.Optional(HveAccountSchema.properties.displayName),
    address: HveAccountSchema.properties.address,
    alias: Type.Optional(HveAccountSchema.properties.alias),
    password: HveAccountSchema.properties.password,
  },
  strict,
);

const ExplanationSchema = Type.Object({
  cmdlet: Type.String(),
  says: Type.Array(Type.String(), { description: "What it does, and what is old about it." }),
  refused: Type.Union([Type.String(), Type.Null()], { description: "Why it would be refused." }),
  applied: Type.Boolean({ description: "The tenant of the sandbox was changed." }),
});

export function hveRoutes(house: House): readonly ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      path: "/api/hve-accounts",
      summary: "The High Volume Email accounts, and how many there may be on the sandbox's day.",
      answers: {
        200: { description: "The accounts.", schema: Type.Object({ limit: Type.Integer(), accounts: Type.Array(HveAccountSchema) }) },
      },
      handle: () => ({ limit: hveAccountLimit(house.clock.now()), accounts: house.tenant.current.hveAccounts }),
    }),
    defineRoute({
      method: "POST",
      path: "/api/hve-accounts",
      summary: "Makes an account. It has no billing policy yet.",
      body: NewAccountSchema,
      answers: { 201: { description: "Made.", schema: HveAccountSchema } },
      handle: ({ body }, reply) => {
        const { hveAccounts } = changeTenant(house, (tenant) => addHveAccount(tenant, body, house.clock.now()));
        return reply.code(201).send(hveAccounts.at(-1));
      },
    }),
    defineRoute({
      method: "PATCH",
      path: "/api/hve-accounts/{address}",
      summary: "Changes what is named of an account.",
      params: one,
      body: Type.Partial(Type.Omit(HveAccountSchema, ["address"]), strict),
      answers: { 200: { description: "As it is now.", schema: HveAccountSchema } },
      handle: ({ params, body }) =>
        needHveAccount(
          changeTenant(house, (tenant) => changeHveAccount(tenant, params.address, body)),
          body.alias !== undefined && !params.address.includes("@") ? body.alias : params.address,
        ),
    }),
    defineRoute({
      method: "DELETE",
      path: "/api/hve-accounts/{address}",
      summary: "Removes an account.",
      params: one,
      answers: { 200: { description: "Gone.", schema: Type.Object({ deleted: Type.Integer() }) } },
      handle: ({ params }) => {
        changeTenant(house, (tenant) => removeHveAccount(tenant, params.address));
        return { deleted: 1 };
      },
    }),
    defineRoute({
      method: "POST",
      path: "/api/cmdlet",
      summary: "Reads a cmdlet for High Volume Email and explains it; on request does it to the sandbox's tenant.",
      body: Type.Object(
        {
          text: Type.String({ minLength: 1, maxLength: 4000, description: "One command, as documents print it." }),
          apply: Type.Optional(Type.Boolean({ default: false, description: "Do it, too." })),
        },
        strict,
      ),
      answers: { 200: { description: "The explanation.", schema: ExplanationSchema } },
      handle: ({ body }) => runCmdlet(house, body.text, body.apply ?? false),
    }),
  ];
}

/** @throws HttpFailure when the text cannot be read. */
export function runCmdlet(house: House, text: string, apply: boolean): Omit<Explanation, "tenant"> & { readonly applied: boolean } {
  let explanation: Explanation;
  try {
    explanation = explainCmdlet(text, { tenant: house.tenant.current, now: house.clock.now() });
  } catch (error) {
    throw failureOf(error);
  }
  const { tenant, ...told } = explanation;
  const applied = apply && tenant !== null;
  if (applied) changeTenant(house, () => tenant);
  return { ...told, applied };
}
