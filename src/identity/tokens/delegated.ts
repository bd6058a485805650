import { SecretUnreadable } from "../../lib/secret-reader.ts";
import { digestOf } from "./credentials.ts";
import { askEntra, askEntraPublicly, type EntraAnswer, type EntraPlace } from "./entra-client.ts";
import type { Grant } from "./grant.ts";
import type { DelegatedOptions } from "./options.ts";
import type { RefreshTokenStore } from "./refresh-token-store.ts";
import { TokenFailed } from "./token-source.ts";

/**
 * A user signed in once; since then a refresh token (RFC 6749 §6), kept encrypted, stands for them. Each answer may bring another one,
 * which replaces it on disk before the access token is used; the former stays valid at Entra for a while, so that a kill in between costs
 * nothing.
 */
export function delegatedGrant(options: DelegatedOptions, place: EntraPlace, store: RefreshTokenStore): Grant {
  const { kind, clientSecret, name } = options;
  return {
    kind,
    authority: place.authority,
    tenant: place.tenant,
    clientId: place.clientId,
    async ask(scope, signal) {
      const refreshToken = await readToken(store, name);
      const request = { scopes: [scope], refreshToken };
      let answer: EntraAnswer;
      try {
        answer =
          clientSecret === undefined
            ? await askEntraPublicly(place, (app) => app.acquireTokenByRefreshToken(request), signal)
            : await askEntra(place, { clientSecret: clientSecret.read() }, (app) => app.acquireTokenByRefreshToken(request), signal);
      } catch (error) {
        if (!(error instanceof SecretUnreadable)) throw error;
        throw new TokenFailed("no-secret", `identity ${name}: ${error.message}`, false);
      }
      if (answer.refreshToken !== null && answer.refreshToken !== refreshToken) await store.write(name, answer.refreshToken);
      return { token: answer.token, expiresAt: answer.expiresAt };
    },
    fingerprint: () => `${store.version(name)} ${digestOf(clientSecret === undefined ? [] : [clientSecret])}`,
    credentialExpiresAt: () => null,
    worksWith: () => null,
  };
}

async function readToken(store: RefreshTokenStore, name: string): Promise<string> {
  const kept = await store.read(name);
  if (kept.ok) return kept.token;
  const text =
    kept.why === "absent"
      ? "nobody has signed in yet; postern setup ROUTE --login does it"
      : "the refresh token kept cannot be read with this key; sign in again with postern setup ROUTE --login, or give the former key back";
  throw new TokenFailed(kept.why === "absent" ? "no-sign-in" : "wrong-key", `identity ${name}: ${text}`, false);
}
