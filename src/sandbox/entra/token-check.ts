/**
 * What rooms ask of the emulated Entra. Entra (entra/) issues tokens over HTTPS; a room that gets one asks here, as a resource server asks
 * its token library: signature, issuer, life and audience are looked at, what the claims allow is the room's own question.
 */
export interface Entra {
  /** @param audience the resource: any of its names is taken. */
  check(token: string, audience: "exchange" | "graph" | "acs"): Promise<TokenCheck>;
  /** What ACS SMTP does behind the scenes: the client credentials as user name and password. Null: wrong. */
  clientSecretIsValid(clientId: string, tenantId: string, secret: string): boolean;
}

export type TokenCheck =
  | { readonly ok: true; readonly claims: TokenClaims }
  | { readonly ok: false; readonly why: "malformed" | "signature" | "expired" | "not-yet-valid" | "issuer" | "audience" };

export interface TokenClaims {
  readonly aud: string;
  readonly tid: string;
  /** Client id. */
  readonly appid: string;
  /** Object id of the service principal, or of the user. */
  readonly oid: string;
  /** Application permissions. */
  readonly roles: readonly string[];
  /** Delegated permissions. */
  readonly scp: readonly string[];
  /** Of the user, in delegated tokens. */
  readonly upn: string | null;
  /** Seconds since 1970, wall clock. */
  readonly exp: number;
}
