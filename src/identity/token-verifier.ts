/**
 * Checks a bearer token that a client presents by XOAUTH2 (and later over HTTP). The door hands over what it got; nothing in a token is
 * believed before the verifier has checked its signature, audience, issuer and life.
 */
export interface TokenVerifier {
  /** The name of the principal the token stands for, or null. `user` is what the client claims. Never throws for a bad token. */
  verify(user: string, token: string, signal: AbortSignal): Promise<string | null>;
}

/** Used until an issuer is configured: no token is good. */
export const refuseTokens: TokenVerifier = { verify: () => Promise.resolve(null) };
