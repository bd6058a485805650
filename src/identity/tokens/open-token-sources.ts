/**
 * As whom routes log in with OAuth: one TokenSource for each of `identities`.
 *
 *     route ─► CachedSource (cache, single flight, refresh ahead, back-off) ─► Grant of its kind ─► Entra, by msal over our HTTP client
 *
 * grant.ts is the port of the kinds: client-secret, client-certificate, managed-identity, delegated (device code and authorisation code,
 * which differ only in how the user signs in: sign-in.ts), password. Applications behind Postern never hold any of these secrets.
 */
import type { HttpClient } from "../../lib/http/http-client.ts";
import { CachedSource, type TokenLog } from "./cached-source.ts";
import { clientCertificateGrant } from "./client-certificate.ts";
import { clientSecretGrant } from "./client-secret.ts";
import { delegatedGrant } from "./delegated.ts";
import type { EntraPlace } from "./entra-client.ts";
import type { Grant } from "./grant.ts";
import { managedIdentityGrant } from "./managed-identity.ts";
import type { TokenIdentityOptions, TokenStoreOptions } from "./options.ts";
import { passwordGrant } from "./password.ts";
import { RefreshTokenStore } from "./refresh-token-store.ts";

export interface TokenSourcesConfig {
  readonly identities: readonly TokenIdentityOptions[];
  readonly tokenStore: TokenStoreOptions;
}

export interface TokenSourcesDeps {
  readonly dataDirectory: string;
  /** @param ca PEM of an identity's own authorities; undefined: those of everything else. */
  readonly http: (ca: string | undefined) => HttpClient;
  /** Wall-clock ms. */
  readonly now: () => number;
  readonly log?: TokenLog;
  /** Of the process. */
  readonly env: (name: string) => string | undefined;
  readonly random?: () => number;
}

export function openTokenSources(
  { identities, tokenStore }: TokenSourcesConfig,
  deps: TokenSourcesDeps,
): ReadonlyMap<string, CachedSource> {
  const store = new RefreshTokenStore(deps.dataDirectory, tokenStore.key);
  store.tidy(identities.map(({ name }) => name));
  const sources = new Map<string, CachedSource>();
  for (const options of identities) {
    const grant = createGrant(options, tokenStore.timeoutMs, store, deps);
    sources.set(
      options.name,
      new CachedSource(options.name, grant, {
        now: deps.now,
        random: deps.random ?? Math.random,
        // Several secrets may be tried in turn.
        timeoutMs: tokenStore.timeoutMs * 3,
        ...(deps.log === undefined ? {} : { log: deps.log }),
      }),
    );
  }
  return sources;
}

function createGrant(options: TokenIdentityOptions, timeoutMs: number, store: RefreshTokenStore, deps: TokenSourcesDeps): Grant {
  switch (options.kind) {
    case "client-secret":
      return clientSecretGrant(options, placeOf(options, timeoutMs, deps));
    case "client-certificate":
      return clientCertificateGrant(options, placeOf(options, timeoutMs, deps));
    case "managed-identity":
      return managedIdentityGrant(options, {
        http: deps.http(undefined),
        timeoutMs,
        now: deps.now,
        env: deps.env,
      });
    case "device-code":
    case "authorization-code":
      return delegatedGrant(options, placeOf(options, timeoutMs, deps), store);
    case "password":
      return passwordGrant(options, placeOf(options, timeoutMs, deps));
  }
}

export function placeOf(
  options: Exclude<TokenIdentityOptions, { readonly kind: "managed-identity" }>,
  timeoutMs: number,
  deps: Pick<TokenSourcesDeps, "http" | "now">,
): EntraPlace {
  const { name, authority, tenant, clientId, ca } = options;
  return { identity: name, authority, tenant, clientId, http: deps.http(ca), timeoutMs, now: deps.now };
}
