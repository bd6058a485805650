import type { GatewayConfig } from "../config/config.ts";
import type { CachedSource, TokenLog } from "../identity/tokens/cached-source.ts";
import { openTokenSources } from "../identity/tokens/open-token-sources.ts";
import type { TokenVerifier } from "../identity/token-verifier.ts";
import { EntraTokenVerifier } from "../identity/entra-token-verifier.ts";
import { authorityClockSkew } from "../identity/tokens/clock-skew.ts";
import { watchExpiry } from "../identity/tokens/watch-expiry.ts";
import type { HttpClient } from "../lib/http/http-client.ts";
import type { Network } from "./open-network.ts";

/** As whom routes get tokens; by name. Disposing ends what is under way. */
export interface Identities extends AsyncDisposable {
  readonly sources: ReadonlyMap<string, CachedSource>;
  /** The clock of an identity's authority minus ours, ms; null: it has none, or it cannot be told. */
  readonly clockSkew: (identity: string, signal: AbortSignal) => Promise<number | null>;
  /** For tokens at our doors; nothing when none are taken. */
  readonly verifier: { readonly tokens?: TokenVerifier };
}

export function openIdentities(
  config: Pick<GatewayConfig, "identities" | "tokenStore" | "tokens">,
  network: Pick<Network, "http" | "httpTrusting">,
  dataDirectory: string,
  log: TokenLog,
): Identities {
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
  const { authorities } = config.tokens;
  return {
    sources,
    clockSkew: async (name, signal) => {
      const identity = config.identities.find((each) => each.name === name);
      if (identity === undefined || identity.kind === "managed-identity") return null;
      return await authorityClockSkew(identity, http(identity.ca), now, signal);
    },
    verifier: authorities.length === 0 ? {} : { tokens: new EntraTokenVerifier(authorities, { http, now }) },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      for (const source of sources.values()) await source[Symbol.asyncDispose]();
      for (const client of clients.values()) await client[Symbol.asyncDispose]();
    },
  };
}
