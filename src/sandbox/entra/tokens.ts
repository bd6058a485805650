import { createHash, randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import { canonicalAddress } from "../../mail/address.ts";
import type { Application, Tenant } from "../tenant/tenant.ts";
import { Aadsts } from "./aadsts.ts";
import type { Asked } from "./resources.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** Access and id tokens with the claims that Entra publishes. Life is wall time: a gateway's clock for tokens is never moved. */
export interface User {
  readonly address: string;
  readonly displayName: string;
  readonly password: string | null;
  readonly mfa: boolean;
}

/** Real ones begin five minutes back, against clocks that differ. */
const backdatedSeconds = 300;

/** Application permissions that were consented to; there may be none, and the token is issued all the same. */
export async function applicationToken(
  keys: SigningKeys,
  tenant: Tenant,
  application: Application,
  asked: Asked,
  lifeSeconds: number,
): Promise<string> {
  const roles = application.permissions
    .filter(({ type, adminConsent, resource }) => type === "application" && adminConsent && resource === asked.resource)
    .map(({ name }) => name);
  return await sign(keys, tenant, application, asked.audience, lifeSeconds, {
    ...(roles.length === 0 ? {} : { roles }),
    oid: application.objectId,
    sub: application.objectId,
    idtyp: "app",
    appidacr: application.certificates.length > 0 && application.secrets.length === 0 ? "2" : "1",
  });
}

/** @throws Aadsts 65001 when not everything asked for was consented to. */
export function grantedScopes(application: Application, asked: Asked): readonly string[] {
  const consented = application.permissions
    .filter(({ type, adminConsent, resource }) => type === "delegated" && adminConsent && resource === asked.resource)
    .map(({ name }) => name);
  const wanted = asked.permissions ?? consented;
  // User.Read is what every registration begins with; a request for nothing but openid gets it too.
  if ((asked.permissions === null && consented.length === 0) || wanted.some((name) => !consented.includes(name) && name !== "User.Read"))
    throw new Aadsts(
      65001,
      `The user or administrator has not consented to use the application with ID '${application.clientId}' named '${application.name}'. Send an interactive authorization request for this user and resource.`,
    );
  return wanted;
}

export async function userToken(
  keys: SigningKeys,
  tenant: Tenant,
  application: Application,
  asked: Asked,
  user: User,
  lifeSeconds: number,
): Promise<string> {
  return await sign(keys, tenant, application, asked.audience, lifeSeconds, {
    scp: grantedScopes(application, asked).join(" "),
    oid: userObjectId(tenant, user),
    sub: createHash("sha256").update(`${application.clientId} ${user.address}`).digest("base64url"),
    upn: user.address,
    unique_name: user.address,
    name: user.displayName,
    idtyp: "user",
    appidacr: application.publicClient ? "0" : "1",
  });
}

/** OpenID Connect Core §2. The issuer is the one of the discovery document by which the client came. */
export async function idToken(
  keys: SigningKeys,
  tenant: Tenant,
  application: Application,
  user: User,
  { base, nonce, lifeSeconds }: { readonly base: string; readonly nonce: string | undefined; readonly lifeSeconds: number },
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return await new SignJWT({
    oid: userObjectId(tenant, user),
    preferred_username: user.address,
    name: user.displayName,
    tid: tenant.id,
    ver: "2.0",
    ...(nonce === undefined ? {} : { nonce }),
  })
    .setProtectedHeader({ typ: "JWT", alg: "RS256", kid: keys.current.kid })
    .setIssuer(`${base}/${tenant.id}/v2.0`)
    .setAudience(application.clientId)
    .setSubject(createHash("sha256").update(`${application.clientId} ${user.address}`).digest("base64url"))
    .setIssuedAt(now - backdatedSeconds)
    .setNotBefore(now - backdatedSeconds)
    .setExpirationTime(now + lifeSeconds)
    .sign(keys.current.privateKey);
}

export function userObjectId({ id }: Tenant, { address }: User): string {
  const hex = createHash("sha256")
    .update(`${id} ${canonicalAddress(address)}`)
    .digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Issuer of version 1 tokens, which is what Exchange, Graph and most Azure resources take. */
export function issuerOf({ id }: Tenant): string {
  return `https://sts.windows.net/${id}/`;
}

async function sign(
  keys: SigningKeys,
  tenant: Tenant,
  application: Application,
  audience: string,
  lifeSeconds: number,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const { kid, privateKey } = keys.current;
  return await new SignJWT({
    ...claims,
    appid: application.clientId,
    app_displayname: application.name,
    tid: tenant.id,
    uti: randomUUID().replaceAll("-", "").slice(0, 22),
    ver: "1.0",
  })
    .setProtectedHeader({ typ: "JWT", alg: "RS256", x5t: kid, kid })
    .setIssuer(issuerOf(tenant))
    .setAudience(audience)
    .setIssuedAt(now - backdatedSeconds)
    .setNotBefore(now - backdatedSeconds)
    .setExpirationTime(now + lifeSeconds)
    .sign(privateKey);
}
