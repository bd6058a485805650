import type { GatewayConfig } from "../config/config.ts";
import type { CachedSource, TokenLog } from "../identity/tokens/cached-source.ts";
import { openTokenSources, placeOf } from "../identity/tokens/open-token-sources.ts";
import { RefreshTokenStore } from "../identity/tokens/refresh-token-store.ts";
import { signIn } from "../identity/tokens/sign-in.ts";
import { TokenFailed } from "../identity/tokens/token-source.ts";
import type { EntraTokenVerifierDeps } from "../identity/entra-token-verifier.ts";
import type { TokenAuthorityOptions } from "../identity/options.ts";
import type { TokenVerifier } from "../identity/token-verifier.ts";
import { authorityClockSkew } from "../identity/tokens/clock-skew.ts";
import { watchExpiry } from "../identity/tokens/watch-expiry.ts";
import type { HttpClient } from "../lib/http/http-client.ts";
import type { Network } from "./open-network.ts";

/** As whom routes get tokens; by name. Disposing ends what is under way. */
export interface Identities extends AsyncDisposable {
  readonly sources: ReadonlyMap<string, CachedSource>;
  /** The clock of an identity's authority minus ours, ms; null: it has none, or it cannot be told. */
  readonly clockSkew: (identity: string, signal: AbortSignal) => Promise<number | null>;
  /** A user signs in for a delegated identity. @throws TokenFailed */
  readonly signIn: (identity: string, scope: string, tell: (line: string) => void, signal: AbortSignal) => Promise<void>;
  /** For tokens at our doors; nothing when none are taken. */
  readonly verifier: { readonly tokens?: TokenVerifier };
}

export async function openIdentities(
  config: Pick<GatewayConfig, "identities" | "tokenStore" | "tokens">,
  network: Pick<Network, "http" | "httpTrusting">,
  dataDirectory: string,
  log: TokenLog,
): Promise<Identities> {
  const clients = new Map<string, HttpClient>();
  const http = (ca: string | undefined) => {
    if (ca === undefined) return network.http;
    const known = clients.get(ca) ?? network.httpTrusting(ca);
    clients.set(ca, known);
    return known;
  };
  const now = () => Date.now();
  const sources = openTokenSources(config, { dataDirectory, http, now, log, env: (name) => process.env[name] });
  const watch = watchExpiry([...sources.values()], log, now);
  const verifier = await openVerifier(config.tokens.authorities, { http, now });
  return {
    sources,
    clockSkew: async (name, signal) => {
      const identity = config.identities.find((each) => each.name === name);
      if (identity === undefined || identity.kind === "managed-identity") return null;
      return await authorityClockSkew(identity, http(identity.ca), now, signal);
    },
    async signIn(name, scope, tell, signal) {
      const identity = config.identities.find((each) => each.name === name);
      if (identity?.kind !== "device-code" && identity?.kind !== "authorization-code")
        throw new TokenFailed("not-delegated", `identity ${name} has no user who could sign in`, false);
      const place = placeOf(identity, config.tokenStore.timeoutMs, { http, now });
      await signIn(identity, place, new RefreshTokenStore(dataDirectory, config.tokenStore.key), scope, tell, signal);
      sources.get(name)?.forget();
    },
    verifier,
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      for (const source of sources.values()) await source[Symbol.asyncDispose]();
      for (const client of clients.values()) await client[Symbol.asyncDispose]();
    },
  };
}

/** What checks tokens takes time to load, and few have it. */
async function openVerifier(authorities: readonly TokenAuthorityOptions[], deps: EntraTokenVerifierDeps): Promise<Identities["verifier"]> {
  if (authorities.length === 0) return {};
  const { EntraTokenVerifier } = await import("../identity/entra-token-verifier.ts");
  return { tokens: new EntraTokenVerifier(authorities, deps) };
}
