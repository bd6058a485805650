import { X509Certificate } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, jwtVerify, errors } from "jose";
import type { Clock } from "../../lib/clock.ts";
import { findApplication } from "../tenant/directory.ts";
import type { Application, Tenant } from "../tenant/tenant.ts";
import { Aadsts } from "./aadsts.ts";
import { equalSecrets } from "./equal-secrets.ts";
import { shown } from "./resources.ts";

/** The request's form; a parameter that is there but empty counts as missing. */
export type Form = ReadonlyMap<string, string>;

export function need(form: Form, name: string): string {
  const value = form.get(name);
  // RFC 6749 §3.1: parameters sent without a value are treated as if they were omitted.
  if (value === undefined || value === "") throw new Aadsts(900144, `The request body must contain the following parameter: '${name}'.`);
  return value;
}

export function knownApplication(tenant: Tenant, clientId: string): Application {
  const application = findApplication(tenant, clientId);
  // A managed identity has no credentials: to the token endpoint it is nobody's client.
  if (application !== null && !application.managedIdentity) return application;
  throw new Aadsts(
    700016,
    `Application with identifier '${shown(clientId)}' was not found in the directory '${tenant.name}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
  );
}

/**
 * Who asks: by secret or by a signed assertion (RFC 7523 §2.2). @throws Aadsts
 * @param grant names the text when there is neither; a public client may do without, except for client_credentials.
 */
export async function authenticateClient(tenant: Tenant, form: Form, grant: string, tokenPath: string, clock: Clock): Promise<Application> {
  const application = knownApplication(tenant, need(form, "client_id"));
  const assertion = form.get("client_assertion");
  const secret = form.get("client_secret");
  if (assertion !== undefined && assertion !== "") {
    await checkAssertion(application, assertion, [tokenPath.split("/")[1] ?? "", tenant.id]);
    return application;
  }
  if (secret !== undefined && secret !== "") {
    checkSecret(application, secret, clock.now());
    return application;
  }
  if (grant === "client_credentials")
    throw new Aadsts(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.");
  if (!application.publicClient)
    throw new Aadsts(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.");
  return application;
}

/** @param now by the policy clock: secrets end on dates that a test wants to reach. */
export function checkSecret({ clientId, secrets }: Application, secret: string, now: number): void {
  const same = secrets.filter(({ value }) => equalSecrets(value, secret));
  if (same.length === 0)
    throw new Aadsts(
      7000215,
      `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
    );
  if (same.every(({ expiresOn }) => Date.parse(expiresOn) <= now))
    throw new Aadsts(
      7000222,
      `The provided client secret keys for app '${clientId}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.`,
    );
}

async function checkAssertion(application: Application, assertion: string, tenantNames: readonly string[]): Promise<void> {
  const certificate = signer(application, assertion);
  try {
    const { payload } = await jwtVerify(assertion, certificate.publicKey, {
      algorithms: ["RS256", "PS256"],
      clockTolerance: 300,
      requiredClaims: ["exp", "jti", "iss", "sub", "aud"],
    });
    if (payload.iss !== application.clientId || payload.sub !== application.clientId)
      throw new Aadsts(700021, "Client assertion application identifier doesn't match 'client_id' parameter.");
    const audiences = typeof payload.aud === "string" ? [payload.aud] : (payload.aud ?? []);
    if (!audiences.some((audience) => isOurs(audience, tenantNames)))
      throw new Aadsts(700023, `Client assertion audience claim does not match Realm issuer.`);
  } catch (error) {
    if (error instanceof Aadsts) throw error;
    if (error instanceof errors.JWTExpired || (error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf"))
      throw new Aadsts(700024, "Client assertion is not within its valid time range.");
    throw new Aadsts(700027, "Client assertion failed signature validation.");
  }
}

/** The certificate of the application that the header names. */
function signer(application: Application, assertion: string): X509Certificate {
  let header: { readonly x5t?: unknown; readonly "x5t#S256"?: unknown; readonly kid?: unknown };
  try {
    header = decodeProtectedHeader(assertion);
    decodeJwt(assertion);
  } catch {
    throw new Aadsts(700027, "Client assertion is malformed.");
  }
  for (const pem of application.certificates) {
    const certificate = new X509Certificate(pem);
    const sha1 = Buffer.from(certificate.fingerprint.replaceAll(":", ""), "hex");
    const sha256 = Buffer.from(certificate.fingerprint256.replaceAll(":", ""), "hex").toString("base64url");
    if (header["x5t#S256"] === sha256 || header.x5t === sha1.toString("base64url")) return certificate;
    if (typeof header.kid === "string" && header.kid.toUpperCase() === sha1.toString("hex").toUpperCase()) return certificate;
  }
  throw new Aadsts(
    700027,
    `The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found. Please visit the Azure portal and check the keys of app '${application.clientId}'.]`,
  );
}

/** The token endpoint, or the issuer, of the tenant: by whatever name the sandbox is reached. */
function isOurs(audience: string, tenantNames: readonly string[]): boolean {
  const path = /^https:\/\/[^/?#]{1,255}(\/[^?#]*)$/.exec(audience)?.[1]?.toLowerCase().replace(/\/$/, "");
  return tenantNames.some((name) =>
    ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", ""].some((end) => path === `/${name.toLowerCase()}${end}`),
  );
}
