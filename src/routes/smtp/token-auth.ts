import type { AccessToken } from "../../identity/tokens/token-source.ts";
import type { AuthSettings } from "../smtp-client/settings.ts";

/** Where a route gets its tokens: of one identity. */
export interface Tokens {
  token(scope: string, signal: AbortSignal): Promise<AccessToken>;
  reject(scope: string, token: string): void;
}

/** To log in with an identity's tokens: one is asked for each time, and one that was refused is not used again. */
export function tokenAuth(user: string, scope: string, tokens: Tokens): AuthSettings {
  return {
    mechanism: "xoauth2",
    user,
    secret: async (signal) => (await tokens.token(scope, signal)).token,
    onRefused: (token) => tokens.reject(scope, token),
  };
}
