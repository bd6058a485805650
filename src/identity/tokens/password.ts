import { SecretUnreadable } from "../../lib/secret-reader.ts";
import { digestOf } from "./credentials.ts";
import { askEntra, askEntraPublicly, type EntraPlace } from "./entra-client.ts";
import type { Grant } from "./grant.ts";
import type { PasswordOptions } from "./options.ts";
import { TokenFailed } from "./token-source.ts";

/** RFC 6749 §4.3, discouraged: it fails with multi-factor authentication, and OAuth 2.1 drops it. */
export function passwordGrant({ user, password, clientSecret }: PasswordOptions, place: EntraPlace): Grant {
  return {
    kind: "password",
    authority: place.authority,
    tenant: place.tenant,
    clientId: place.clientId,
    async ask(scope, signal) {
      try {
        const request = { scopes: [scope], username: user, password: password.read() };
        if (clientSecret === undefined) return await askEntraPublicly(place, (app) => app.acquireTokenByUsernamePassword(request), signal);
        const credential = { clientSecret: clientSecret.read() };
        return await askEntra(place, credential, (app) => app.acquireTokenByUsernamePassword(request), signal);
      } catch (error) {
        if (!(error instanceof SecretUnreadable)) throw error;
        throw new TokenFailed("no-secret", `identity ${place.identity}: ${error.message}`, false);
      }
    },
    fingerprint: () => digestOf(clientSecret === undefined ? [password] : [password, clientSecret]),
    credentialExpiresAt: () => (password.expires === undefined ? null : Date.parse(password.expires)),
    worksWith: () => password.label,
  };
}
