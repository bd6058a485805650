import { Credentials, digestOf, endOf } from "./credentials.ts";
import { askEntra, type EntraPlace } from "./entra-client.ts";
import type { Grant } from "./grant.ts";
import type { ClientSecretOptions } from "./options.ts";

/** RFC 6749 §4.4 with a client secret. */
export function clientSecretGrant({ secrets }: ClientSecretOptions, place: EntraPlace): Grant {
  const credentials = new Credentials(
    place.identity,
    secrets.map((reader) => () => ({ label: reader.label, value: reader.read(), expiresAt: endOf(reader) })),
  );
  return {
    kind: "client-secret",
    authority: place.authority,
    tenant: place.tenant,
    clientId: place.clientId,
    ask: (scope, signal) =>
      credentials.tryEach((clientSecret) =>
        askEntra(place, { clientSecret }, (app) => app.acquireTokenByClientCredential({ scopes: [scope], skipCache: true }), signal),
      ),
    fingerprint: () => digestOf(secrets),
    credentialExpiresAt: () => credentials.expiresAt(),
    worksWith: () => credentials.worksWith(),
  };
}
