import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import type { HttpClient } from "../../src/lib/http/http-client.ts";
import type { CachedSource, TokenLog } from "../../src/identity/tokens/cached-source.ts";
import { openTokenSources } from "../../src/identity/tokens/open-token-sources.ts";
import type { TokenIdentityOptions } from "../../src/identity/tokens/options.ts";
import { RefreshTokenStore } from "../../src/identity/tokens/refresh-token-store.ts";
import { TokenFailed } from "../../src/identity/tokens/token-source.ts";
import { changeable } from "./readers.ts";
import { authorityTenant, scriptedAuthority, token, type ScriptedAuthority } from "./scripted-authority.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export const scope = "https://outlook.office365.com/.default";
export const { signal } = new AbortController();

/** A scripted authority and identities at it, for the tests of one file: call once, on top. */
export function tokenWorlds() {
  let authority: ScriptedAuthority;
  let http: HttpClient;
  before(async () => {
    authority = await scriptedAuthority();
    http = authority.http();
  });
  after(async () => {
    await http[Symbol.asyncDispose]();
    await authority[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    (authority.requests as unknown[]).length = 0;
    authority.answer = () => token("token-1");
    authority.respond = null;
  });

  function open(
    identity: TokenIdentityOptions,
    options: { readonly http?: HttpClient; readonly env?: Readonly<Record<string, string>>; readonly timeoutMs?: number } = {},
  ): World {
    const told = new Told();
    const folder = temporaryFolder();
    const sources = openTokenSources(
      { identities: [identity], tokenStore: { key, timeoutMs: options.timeoutMs ?? 10_000 } },
      {
        dataDirectory: folder.path,
        http: () => options.http ?? http,
        now: () => world.time,
        log: told,
        env: (name) => options.env?.[name],
        random: () => 0.5,
      },
    );
    const source = sources.get(identity.name);
    assert(source !== undefined);
    const world: World = {
      source,
      told,
      store: new RefreshTokenStore(folder.path, key),
      folder: folder.path,
      time: Date.UTC(2026, 10, 21),
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
    return world;
  }

  const place = () => ({
    name: "gateway",
    authority: authority.url,
    tenant: authorityTenant,
    clientId: "22222222-0000-4000-8000-000000000002",
  });
  const withSecrets = (...secrets: ReturnType<typeof changeable>[]): TokenIdentityOptions => ({
    ...place(),
    kind: "client-secret",
    secrets,
  });
  return { open, place, withSecrets, authority: () => authority };
}

/** What the identities told, as lines. */
export class Told implements TokenLog {
  readonly lines: string[] = [];
  tokenRenewed(...facts: unknown[]): void {
    this.lines.push(`renewed ${JSON.stringify(facts)}`);
  }
  tokenFailed(...facts: unknown[]): void {
    this.lines.push(`failed ${JSON.stringify(facts)}`);
  }
  credentialExpires(...facts: unknown[]): void {
    this.lines.push(`expires ${JSON.stringify(facts)}`);
  }
  fault(where: string, error: unknown): void {
    this.lines.push(`fault ${where} ${String(error)} ${String((error as Error).stack)}`);
  }
}

export interface World extends AsyncDisposable {
  readonly source: CachedSource;
  readonly told: Told;
  readonly store: RefreshTokenStore;
  readonly folder: string;
  time: number;
}

export const key = changeable("0123456789abcdef0123456789abcdef", "variable KEY");

export const minutes = (count: number) => count * 60_000;
export const failing = async (world: World): Promise<TokenFailed> => {
  const [result] = await Promise.allSettled([world.source.token(scope, signal)]);
  assert(result.status === "rejected" && result.reason instanceof TokenFailed, "should have failed");
  return result.reason;
};
