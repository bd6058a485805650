import type { AppPermission } from "../tenant/tenant.ts";
import { Aadsts } from "./aadsts.ts";

/** The resources that tokens are for, with every name a client may call them by: the name asked for becomes `aud`. */
export type Resource = AppPermission["resource"];

const names: Readonly<Record<Resource, readonly string[]>> = {
  // Facts §12: both forms are seen; the GUID is the resource's application id.
  exchange: ["https://outlook.office365.com", "https://outlook.office.com", "00000002-0000-0ff1-ce00-000000000000"],
  graph: ["https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"],
  acs: ["https://communication.azure.com"],
};

/** Scopes of the protocol itself, not of a resource. */
const reserved: ReadonlySet<string> = new Set(["openid", "profile", "email", "offline_access"]);

export function isAudience(resource: Resource, audience: string): boolean {
  return names[resource].includes(withoutSlash(audience));
}

export interface Asked {
  readonly resource: Resource;
  readonly audience: string;
  /** `null` is `.default`: everything that was consented to. */
  readonly permissions: readonly string[] | null;
  readonly offline: boolean;
  readonly openid: boolean;
}

/** v1 `resource=`. */
export function readResource(text: string, tenant: string): Asked {
  for (const [resource, known] of Object.entries(names))
    if (known.includes(withoutSlash(text)))
      return { resource: resource as Resource, audience: withoutSlash(text), permissions: null, offline: true, openid: true };
  throw unknownResource(text, tenant);
}

/** v2 `scope=`. @throws Aadsts */
export function readScope(text: string, tenant: string): Asked {
  const scopes = text.split(" ").filter((scope) => scope !== "");
  const offline = scopes.includes("offline_access");
  const openid = scopes.includes("openid");
  const own = scopes.filter((scope) => !reserved.has(scope));
  const parsed = own.map((scope) => readOne(scope, tenant));
  const [first, ...others] = parsed;
  // Only openid and the like: a token for Graph, as the real one does.
  if (first === undefined) return { resource: "graph", audience: "https://graph.microsoft.com", permissions: [], offline, openid };
  if (others.some(({ resource }) => resource !== first.resource)) throw invalidScope(text);
  const permissions = parsed.some(({ permission }) => permission === ".default") ? null : parsed.map(({ permission }) => permission);
  return { resource: first.resource, audience: first.audience, permissions, offline, openid };
}

function readOne(scope: string, tenant: string): { readonly resource: Resource; readonly audience: string; readonly permission: string } {
  const slash = scope.lastIndexOf("/");
  // A bare name is one of Graph's.
  if (slash < 0) {
    if (!/^[A-Za-z][\w.-]{0,100}$/.test(scope)) throw invalidScope(scope);
    return { resource: "graph", audience: "https://graph.microsoft.com", permission: scope };
  }
  const { resource, audience } = readResource(scope.slice(0, slash), tenant);
  const permission = scope.slice(slash + 1);
  if (!/^\.?[A-Za-z][\w.-]{0,100}$/.test(permission)) throw invalidScope(scope);
  return { resource, audience, permission };
}

export function invalidScope(scope: string): Aadsts {
  return new Aadsts(
    70011,
    `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${shown(scope)} is not valid.`,
  );
}

function unknownResource(name: string, tenant: string): Aadsts {
  return new Aadsts(500011, `The resource principal named ${shown(name)} was not found in the tenant named ${tenant}.`);
}

/** What a stranger wrote, fit for a text. */
export function shown(text: string): string {
  return text.slice(0, 200).replace(/[^\x20-\x7e]/g, "?");
}

function withoutSlash(name: string): string {
  return name.toLowerCase().replace(/\/+$/, "");
}
