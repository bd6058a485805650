/**
 * Checks a bearer token that a client presents by XOAUTH2 (and later over HTTP). Nothing in a token is believed before its signature, issuer,
 * audience and life have been checked.
 */
export interface TokenVerifier {
  /** Never throws for a bad token: null. "busy": it cannot be told now, for the authority's keys cannot be had. */
  verify(token: string, signal: AbortSignal): Promise<TokenBearer | null | "busy">;
}

/** Whom a good token stands for. */
export type TokenBearer =
  /** By itself, without a user. */
  | { readonly kind: "application"; readonly clientId: string }
  /** A user, by whatever names the token has for them: user principal name, object id. In lower case. */
  | { readonly kind: "user"; readonly names: readonly string[] };
