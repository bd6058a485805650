import { decodeJwt, decodeProtectedHeader, jwtVerify, errors, type JWTPayload } from "jose";
import type { HttpClient } from "../lib/http/http-client.ts";
import { AuthorityKeys } from "./authority-keys.ts";
import type { TokenAuthorityOptions } from "./options.ts";
import type { TokenBearer, TokenVerifier } from "./token-verifier.ts";

/**
 * Tokens of Entra, or of anything that issues like it. RFC 8725: the algorithm is ours to choose and not the token's; issuer and audience
 * must be configured ones.
 *
 * The issuer of a token picks the authority, each with its own keys: a key of one never vouches for another. Entra issues for the same
 * resource in two versions, whose issuers differ (`https://sts.windows.net/TENANT/` and `AUTHORITY/TENANT/v2.0`); both are taken.
 */
export class EntraTokenVerifier implements TokenVerifier {
  readonly #authorities: ReadonlyMap<string, Authority>;
  readonly #now: () => number;

  constructor(authorities: readonly TokenAuthorityOptions[], deps: EntraTokenVerifierDeps) {
    this.#now = deps.now;
    this.#authorities = new Map(
      authorities.flatMap(({ authority, tenant, audiences, issuers, ca }) => {
        const base = `${authority.replace(/\/+$/, "")}/${tenant.toLowerCase()}`;
        const keys = new AuthorityKeys(`${base}/discovery/v2.0/keys`, deps.http(ca), deps.now);
        const own = { tenant: tenant.toLowerCase(), audiences: [...audiences], keys };
        const names = issuers ?? [`${base}/v2.0`, `https://sts.windows.net/${tenant.toLowerCase()}/`];
        return names.map((issuer) => [issuer, own] as const);
      }),
    );
  }

  async verify(token: string, signal: AbortSignal): Promise<TokenBearer | null | "busy"> {
    const read = readUnverified(token);
    const authority = read === null ? undefined : this.#authorities.get(read.issuer);
    if (read === null || authority === undefined) return null;
    const find = await authority.keys.finder(read.keyId);
    if (signal.aborted) return null;
    if (find === null) return "busy";
    try {
      const { payload } = await jwtVerify(token, find, {
        algorithms: [...algorithms],
        issuer: read.issuer,
        audience: authority.audiences,
        clockTolerance: skewS,
        currentDate: new Date(this.#now()),
        requiredClaims: ["exp", "nbf", "tid"],
      });
      return textOf(payload["tid"])?.toLowerCase() === authority.tenant ? bearerOf(payload) : null;
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) return null;
      throw error;
    }
  }
}

export interface EntraTokenVerifierDeps {
  readonly http: (ca: string | undefined) => HttpClient;
  /** Wall-clock ms. */
  readonly now: () => number;
}

interface Authority {
  readonly tenant: string;
  readonly audiences: string[];
  readonly keys: AuthorityKeys;
}

const algorithms = ["RS256", "PS256", "ES256"] as const;
/** MS recommends 5 minutes at most; clocks that run by NTP need less. */
const skewS = 60;
const longestToken = 16_384;

/** Only to know whose keys to look at. */
function readUnverified(token: string): { readonly issuer: string; readonly keyId: string } | null {
  if (token.length > longestToken) return null;
  try {
    const { kid } = decodeProtectedHeader(token);
    const { iss } = decodeJwt(token);
    return typeof kid === "string" && typeof iss === "string" ? { issuer: iss, keyId: kid } : null;
  } catch {
    return null;
  }
}

/**
 * An application by itself, or a user through one. A token of a user must never count as the application it came through: any user of the
 * tenant can get one. MS "Access token claims reference": `scp` is in users' tokens only; `idtyp` says `app`, or else subject and object id
 * of an application are the same.
 */
function bearerOf(payload: JWTPayload): TokenBearer | null {
  const { sub, oid, idtyp, scp } = payload;
  const clientId = textOf(payload["appid"]) ?? textOf(payload["azp"]);
  if (scp === undefined) {
    const alone = idtyp === undefined ? typeof oid === "string" && oid === sub : idtyp === "app";
    return alone && clientId !== null ? { kind: "application", clientId: clientId.toLowerCase() } : null;
  }
  if (idtyp !== undefined && idtyp !== "user") return null;
  const names = [payload["upn"], payload["preferred_username"], oid].flatMap((name) => textOf(name)?.toLowerCase() ?? []);
  return names.length === 0 ? null : { kind: "user", names };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
