import { Type, type Static, type TObject } from "typebox";
import { canonicalAddress } from "../../mail/address.ts";
import { defineRoute, type ApiRoute } from "../../lib/http/api-route.ts";
import { HttpFailure } from "../../lib/http/http-failure.ts";
import type { House } from "../house.ts";
import { UnknownHveAccount } from "../tenant/hve-administration.ts";
import { completeTenant, TenantFault } from "../tenant/read-tenant.ts";
import {
  AcsSchema,
  ApplicationSchema,
  ConnectorSchema,
  MailboxSchema,
  OutboundSchema,
  PoliciesSchema,
  SendgridSchema,
  TenantSchema,
} from "../tenant/tenant-schema.ts";
import type { Tenant } from "../tenant/tenant.ts";
import type { UiSurroundings } from "./ui.ts";

/**
 * The tenant and its switches in the control API. A PATCH names what changes and leaves the rest; what it makes must still be a tenant that
 * does not contradict itself, else nothing changes and 409 says why. Changes outlive a restart and a reset.
 */
const strict = { additionalProperties: false } as const;

const ViewSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  defaultDomain: Type.String(),
  domains: Type.Array(Type.String(), { description: "Names of the accepted domains." }),
  mailboxes: Type.Union([Type.Array(Type.String()), Type.Null()], {
    description: "Addresses that receive mail; null: every address of the domains does.",
  }),
  tenant: Type.Unsafe<Tenant>({ ...TenantSchema, description: "The whole tenant, as its file would say it. Its secrets are public." }),
  internet: Type.Object({ domains: Type.Array(Type.String()) }, { description: "Domains of the outside world." }),
  services: Type.Array(Type.Object({ service: Type.String(), address: Type.String({ description: "host:port" }) })),
});

const scalarNames = ["name", "createdOn", "trial", "licences", "freeEducationLicences", "catchAll", "domains"] as const;
const ScalarsSchema = Type.Partial(Type.Pick(TenantSchema, scalarNames), strict);

/** Changes the tenant; its fault is the caller's. */
export function changeTenant(house: House, change: (tenant: Tenant) => Tenant): Tenant {
  try {
    return house.tenant.change((tenant) => completeTenant(change(tenant)));
  } catch (error) {
    throw failureOf(error);
  }
}

/** What a fault of the tenant is to a caller; anything else is a bug and stays. */
export function failureOf(error: unknown): unknown {
  if (error instanceof UnknownHveAccount) return new HttpFailure(404, "tenant.unknown", error.message);
  return error instanceof TenantFault ? new HttpFailure(409, "tenant.contradiction", error.message) : error;
}

export function tenantRoutes(house: House, { services }: UiSurroundings): readonly ApiRoute[] {
  const { options } = house;
  return [
    defineRoute({
      method: "GET",
      path: "/api/tenant",
      summary: "The tenant and the outside world.",
      answers: { 200: { description: "The tenant.", schema: ViewSchema } },
      handle: () => {
        const tenant = house.tenant.current;
        const addresses = [...tenant.mailboxes, ...tenant.hveAccounts].map(({ address }) => address);
        return {
          id: tenant.id,
          name: tenant.name,
          defaultDomain: tenant.domains[0]?.name ?? "",
          domains: tenant.domains.map(({ name }) => name),
          mailboxes: tenant.catchAll ? null : addresses,
          tenant,
          internet: { domains: options.internet.domains },
          services: services.map(({ service, port }) => ({ service, address: `${options.address}:${port}` })),
        };
      },
    }),
    defineRoute({
      method: "PATCH",
      path: "/api/tenant",
      summary: "Changes name, domains, licences and the like.",
      body: ScalarsSchema,
      answers: { 200: { description: "The whole tenant as it is now.", schema: TenantSchema } },
      handle: ({ body }) => changeTenant(house, (tenant) => ({ ...tenant, ...body })),
    }),
    defineRoute({
      method: "PATCH",
      path: "/api/tenant/policies",
      summary: "Switches of the whole tenant: SMTP AUTH, security defaults, Direct Send.",
      body: Type.Partial(Type.Object({ ...PoliciesSchema.properties, outbound: Type.Partial(OutboundSchema, strict) }), strict),
      answers: { 200: { description: "The switches as they are now.", schema: PoliciesSchema } },
      handle: ({ body }) =>
        changeTenant(house, (tenant) => {
          const outbound = { ...tenant.policies.outbound, ...body.outbound };
          return { ...tenant, policies: { ...tenant.policies, ...body, outbound } };
        }).policies,
    }),
    ...partRoutes(house, "mailboxes", MailboxSchema, "address", canonicalAddress),
    ...partRoutes(house, "applications", ApplicationSchema, "clientId", lower),
    ...partRoutes(house, "connectors", ConnectorSchema, "name", lower),
    ...partRoutes(house, "acs", AcsSchema, "name", lower),
    defineRoute({
      method: "PATCH",
      path: "/api/tenant/sendgrid",
      summary: "Changes the (first) SendGrid account.",
      body: Type.Partial(SendgridSchema, strict),
      answers: { 200: { description: "As it is now.", schema: SendgridSchema } },
      handle: ({ body }) => {
        const [first, ...others] = house.tenant.current.sendgrid;
        if (first === undefined) throw unknownPart("sendgrid");
        return changeTenant(house, (tenant) => ({ ...tenant, sendgrid: [{ ...first, ...body }, ...others] })).sendgrid[0];
      },
    }),
  ];
}

type Part = "mailboxes" | "applications" | "connectors" | "acs";

/** PATCH, PUT and DELETE for one of a list's parts. */
function partRoutes(house: House, part: Part, schema: TObject, key: string, canonical: (name: string) => string): readonly ApiRoute[] {
  type Item = Readonly<Record<string, unknown>>;
  const path = `/api/tenant/${part}/{${key}}`;
  const params = Type.Object({ [key]: Type.String({ maxLength: 320 }) });
  const items = (tenant: Tenant) => tenant[part] as unknown as readonly Item[];
  const isIt = (wanted: string) => (item: Item) => canonical(String(item[key])) === canonical(wanted);
  const changed = (wanted: string, make: (before: Item | undefined) => Item | null): Item | null => {
    const found = items(house.tenant.current).find(isIt(wanted));
    const made = make(found);
    const after = changeTenant(house, (tenant) => {
      const list = items(tenant);
      const next = found === undefined ? [...list, made] : list.flatMap((item) => (item !== found ? [item] : made === null ? [] : [made]));
      return { ...tenant, [part]: next };
    });
    return items(after).find(isIt(wanted)) ?? null;
  };
  const name = (params_: unknown): string => (params_ as Readonly<Record<string, string>>)[key] ?? "";
  const one = part === "acs" ? "ACS resource" : part.replace(/(e?)s$/, (_, e: string) => (part === "mailboxes" ? "" : e));
  return [
    defineRoute({
      method: "PATCH",
      path,
      summary: `Changes what is named of one ${one}.`,
      params,
      body: Type.Partial(Type.Omit(schema, [key]), strict),
      answers: { 200: { description: "As it is now.", schema } },
      handle: (request) =>
        changed(name(request.params), (before) => {
          if (before === undefined) throw unknownPart(part);
          return { ...before, ...(request.body as object) };
        }),
    }),
    defineRoute({
      method: "PUT",
      path,
      summary: `Makes one ${one}, or puts another in its place; what is left out has its default.`,
      params,
      body: Type.Partial(Type.Omit(schema, [key]), strict),
      answers: { 200: { description: "As it is now.", schema } },
      handle: (request) => changed(name(request.params), () => ({ [key]: name(request.params), ...(request.body as object) })),
    }),
    defineRoute({
      method: "DELETE",
      path,
      summary: `Removes one ${one}.`,
      params,
      answers: { 200: { description: "Gone.", schema: Type.Object({ deleted: Type.Integer() }) } },
      handle: (request) => {
        changed(name(request.params), (before) => {
          if (before === undefined) throw unknownPart(part);
          return null;
        });
        return { deleted: 1 };
      },
    }),
  ];
}

function lower(text: string): string {
  return text.toLowerCase();
}

function unknownPart(part: string): HttpFailure {
  return new HttpFailure(404, "tenant.unknown", `There is none of that name; GET /api/tenant lists ${part}.`);
}

export type TenantView = Static<typeof ViewSchema>;
