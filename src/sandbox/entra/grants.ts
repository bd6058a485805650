import { createHash } from "node:crypto";
import { equalSecrets } from "./equal-secrets.ts";
import type { Application } from "../tenant/tenant.ts";
import { Aadsts } from "./aadsts.ts";
import { authenticateClient, need, type Form } from "./client-authentication.ts";
import type { EntraDirectory } from "./entra.ts";
import { openRefreshToken, sealRefreshToken } from "./refresh-token.ts";
import { readResource, readScope, shown, type Asked } from "./resources.ts";
import { grantedScopes, idToken, userObjectId, userToken, type User } from "./tokens.ts";

/** The token endpoint's grants: form in, JSON out. @throws Aadsts */
export interface TokenRequest {
  readonly form: Form;
  /** First part of the path. */
  readonly tenantName: string;
  /** `v1` takes resource=, and answers numbers as strings. */
  readonly version: "v1" | "v2";
  readonly path: string;
  readonly base: string;
}

type Answer = Readonly<Record<string, unknown>>;

export async function answerTokenRequest(entra: EntraDirectory, request: TokenRequest): Promise<Answer> {
  const tenant = entra.tenantNamed(request.tenantName);
  const { form, path } = request;
  const grant = need(form, "grant_type");
  need(form, "client_id");
  const client = () => authenticateClient(tenant, form, grant, path, entra.clock);
  switch (grant) {
    case "client_credentials": {
      const application = await client();
      const asked = askedByClient(request, tenant.name);
      return dated(request, asked, await entra.forApplication(application, asked), entra.lifeSeconds());
    }
    case "password":
      return await byPassword(entra, request, await client());
    case "refresh_token": {
      const application = await client();
      const user = openRefreshToken(
        entra.keys.seal,
        need(form, "refresh_token"),
        application.clientId,
        (name) => entra.user(name),
        entra.clock.now(),
      );
      // Without a scope: for Graph, as it was never said for which; with one, for any resource that was consented to.
      return await forUser(entra, request, application, user, { ...asked(request, tenant.name), offline: true });
    }
    case "authorization_code":
      return await byCode(entra, request, await client());
    case "urn:ietf:params:oauth:grant-type:device_code":
    case "device_code":
      return await byDevice(entra, request, await client());
    default:
      throw new Aadsts(70003, `The app requested an unsupported grant type '${shown(grant)}'.`);
  }
}

function asked({ form, version }: TokenRequest, tenant: string): Asked {
  const resource = form.get("resource");
  if (version === "v1" && resource !== undefined && resource !== "") return readResource(resource, tenant);
  return readScope(form.get("scope") ?? "openid", tenant);
}

function askedByClient(request: TokenRequest, tenant: string): Asked {
  if (request.version === "v1") return readResource(need(request.form, "resource"), tenant);
  const scope = need(request.form, "scope");
  if (!/^\S+\/\.default$/.test(scope.trim()))
    throw new Aadsts(
      1002012,
      `The provided value for scope ${shown(scope)} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
    );
  return readScope(scope, tenant);
}

/** Resource owner password credentials: MS advises against them, High Volume Email's delegated form uses them. */
async function byPassword(entra: EntraDirectory, request: TokenRequest, application: Application): Promise<Answer> {
  const name = need(request.form, "username");
  const password = need(request.form, "password");
  const user = entra.user(name);
  if (user === null)
    throw new Aadsts(
      50034,
      `The user account ${shown(name)} does not exist in the ${entra.tenant.id} directory. To sign into this application, the account must be added to the directory.`,
    );
  if (user.password === null || !equalSecrets(user.password, password))
    throw new Aadsts(50126, "Error validating credentials due to invalid username or password.");
  if (user.mfa)
    throw new Aadsts(
      50076,
      `Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '${application.clientId}'.`,
    );
  return await forUser(entra, request, application, user, asked(request, entra.tenant.name));
}

async function byCode(entra: EntraDirectory, request: TokenRequest, application: Application): Promise<Answer> {
  const { form } = request;
  const code = entra.grants.code(need(form, "code"));
  if (code === null || code.clientId !== application.clientId)
    throw new Aadsts(9002313, "Invalid request. Request is malformed or invalid.");
  // RFC 6749 §4.1.2: a code is for one use.
  if (code.used)
    throw new Aadsts(
      54005,
      "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
    );
  if (code.endsAt <= Date.now())
    throw new Aadsts(
      70008,
      "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
    );
  if (need(form, "redirect_uri") !== code.redirectUri)
    throw new Aadsts(
      50011,
      `The redirect URI '${shown(form.get("redirect_uri") ?? "")}' specified in the request does not match the redirect URIs configured for the application '${application.clientId}'.`,
    );
  if (code.challenge !== null) {
    const verifier = need(form, "code_verifier");
    // RFC 7636 §4.6.
    const made = code.challenge.method === "S256" ? createHash("sha256").update(verifier, "latin1").digest("base64url") : verifier;
    if (!equalSecrets(made, code.challenge.value))
      throw new Aadsts(501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.");
  }
  code.used = true;
  return await forUser(entra, request, application, signedIn(entra, code.user), code.asked, code.nonce);
}

async function byDevice(entra: EntraDirectory, request: TokenRequest, application: Application): Promise<Answer> {
  const id = request.form.get("device_code") || need(request.form, "code");
  const device = entra.grants.device(id);
  if (device === null || device.clientId !== application.clientId)
    throw new Aadsts(70018, "Invalid verification code due to user typing in wrong user code for device code flow.");
  if (device.endsAt <= Date.now())
    throw new Aadsts(70020, "The provided value for the input parameter 'device_code' is not valid. This device code has expired.");
  const since = Date.now() - device.polledAt;
  device.polledAt = Date.now();
  if (device.decision === null) {
    const text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
    // RFC 8628 §3.5: only for what is much faster than the interval we named (MSAL gives up at any other word than authorization_pending).
    throw since < 1000 ? new Aadsts(70016, text, "slow_down") : new Aadsts(70016, text);
  }
  entra.grants.spend(id);
  // MS "OAuth 2.0 device authorization grant": the user said no.
  if (device.decision === "denied") throw new Aadsts(70018, "The user denied the authorization request.", "authorization_declined");
  return await forUser(entra, request, application, signedIn(entra, device.decision.user), device.asked);
}

function signedIn(entra: EntraDirectory, name: string): User {
  const user = entra.user(name);
  if (user === null) throw new Aadsts(50034, `The user account ${shown(name)} does not exist in the ${entra.tenant.id} directory.`);
  return user;
}

async function forUser(
  entra: EntraDirectory,
  request: TokenRequest,
  application: Application,
  user: User,
  wanted: Asked,
  nonce?: string,
): Promise<Answer> {
  entra.admit();
  const { keys, tenant } = entra;
  const life = entra.lifeSeconds();
  const scopes = grantedScopes(application, wanted);
  const token = await userToken(keys, tenant, application, wanted, user, life);
  const scope = [...scopes.map((name) => `${wanted.audience}/${name}`), ...(wanted.openid ? ["openid", "profile"] : [])].join(" ");
  const clientInfo = Buffer.from(JSON.stringify({ uid: userObjectId(tenant, user), utid: tenant.id })).toString("base64url");
  return {
    ...dated(request, wanted, token, life),
    scope,
    ...(wanted.offline
      ? { refresh_token: sealRefreshToken(keys.seal, { clientId: application.clientId, user: user.address }, user, entra.clock.now()) }
      : {}),
    ...(wanted.openid
      ? { id_token: await idToken(keys, tenant, application, user, { base: request.base, nonce, lifeSeconds: life }) }
      : {}),
    // What MSAL keys its cache by.
    ...(request.form.get("client_info") === "1" ? { client_info: clientInfo } : {}),
  };
}

function dated({ version }: TokenRequest, { audience }: Asked, token: string, lifeSeconds: number): Answer {
  if (version === "v2") return { token_type: "Bearer", expires_in: lifeSeconds, ext_expires_in: lifeSeconds, access_token: token };
  const now = Math.floor(Date.now() / 1000);
  return {
    token_type: "Bearer",
    expires_in: String(lifeSeconds),
    ext_expires_in: String(lifeSeconds),
    expires_on: String(now + lifeSeconds),
    not_before: String(now - 300),
    resource: audience,
    access_token: token,
  };
}
