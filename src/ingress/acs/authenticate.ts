import type { FastifyRequest } from "fastify";
import type { Identity } from "../../identity/identity.ts";
import type { Principal } from "../../identity/principal.ts";
import { refuse } from "../../mail/refusal.ts";
import { AcsError } from "../../wire/acs/acs-error.ts";
import { parseHttpDate, parseSignature, signatureFits } from "../../wire/acs/signature.ts";

/** Who asks, and what the body must be when that was signed. */
export interface Caller {
  readonly principal: Principal;
  readonly mechanism: "HMAC-SHA256" | "Bearer";
  /** Base64 of SHA-256. */
  readonly contentHash?: string;
}

/** UNVERIFIED for ACS, which does not tell; App Configuration's scheme of the same family allows 15 minutes. */
const clockSkewMs = 15 * 60_000;

/**
 * Finds who asks before any of the body is read: a signature covers the body's digest, which is compared when the body is there.
 *
 * @param now wall-clock ms, as clients have it
 * @throws AcsError, Refusal
 */
export async function authenticate(request: FastifyRequest, identity: Identity, now: number, signal: AbortSignal): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization === undefined) throw unauthorized("The request has no Authorization header.");
  const signature = parseSignature(authorization);
  if (signature !== null) return bySignature(request, identity, signature, now);
  // RFC 6750 §2.1: the syntax of a bearer token.
  const token = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)?.[1];
  if (token === undefined) throw unauthorized("The Authorization header is neither HMAC-SHA256 nor Bearer.");
  const principal = await identity.principalByToken(token, signal);
  if (principal === "busy") throw refuse("submission.busy");
  if (principal === null) throw unauthorized("The token is not valid here.");
  return { principal, mechanism: "Bearer" };
}

function bySignature({ method, raw, headers }: FastifyRequest, identity: Identity, signature: Buffer, now: number): Caller {
  const [date, contentHash, host] = [headers["x-ms-date"], headers["x-ms-content-sha256"], headers.host];
  if (typeof date !== "string" || typeof contentHash !== "string" || host === undefined)
    throw unauthorized("A signed request needs x-ms-date, x-ms-content-sha256 and host.");
  const at = parseHttpDate(date);
  if (at === null || Math.abs(now - at) > clockSkewMs) throw unauthorized("x-ms-date is not the time of now: check the client's clock.");
  const parts = { method, url: raw.url ?? "", date, host, contentHash };
  const principal = identity.principalBySigningKey((key) => signatureFits(parts, key, signature));
  if (principal === null) throw unauthorized("The signature is not valid.");
  return { principal, mechanism: "HMAC-SHA256", contentHash };
}

export function unauthorized(message: string): AcsError {
  return new AcsError(401, "Unauthorized", message);
}
