import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import type { HttpClient } from "../lib/http/http-client.ts";

/**
 * The keys that an authority signs with, fetched when first needed and kept. They are fetched again twice a day, and when a token names a
 * key that is not there (the authority has rotated), but never more often than once a minute, whoever sends what tokens. While fetching
 * fails, those known go on for a day.
 */
export class AuthorityKeys {
  readonly #url: string;
  readonly #http: HttpClient;
  readonly #now: () => number;
  #known: { readonly find: JWTVerifyGetKey; readonly ids: ReadonlySet<string>; readonly at: number } | null = null;
  #fetching: Promise<void> | null = null;
  #triedAt = Number.NEGATIVE_INFINITY;

  /** @param now wall-clock ms */
  constructor(url: string, http: HttpClient, now: () => number) {
    this.#url = url;
    this.#http = http;
    this.#now = now;
  }

  /**
   * What finds the key of a token; null: it cannot be told, for there are no keys at hand, or the authority may have made this one since they
   * were fetched. Bounded in time.
   */
  async finder(keyId: string): Promise<JWTVerifyGetKey | null> {
    const now = this.#now();
    const before = this.#known;
    const stale = before === null || now - before.at > refetchMs || !before.ids.has(keyId);
    if (stale && (this.#fetching !== null || now - this.#triedAt > (before === null ? firstPauseMs : pauseMs) || now < this.#triedAt)) {
      this.#triedAt = now;
      this.#fetching ??= this.#fetch().finally(() => (this.#fetching = null));
      await this.#fetching;
    }
    const known = this.#known;
    if (known === null || now - known.at > longestMs) return null;
    return known.ids.has(keyId) || known !== before ? known.find : null;
  }

  async #fetch(): Promise<void> {
    try {
      const { status, body } = await this.#http.request(
        { url: this.#url, headers: { accept: "application/json" }, timeoutMs, maxBytes },
        AbortSignal.timeout(timeoutMs),
      );
      if (status !== 200) return;
      const set = JSON.parse(body.toString("utf8")) as JSONWebKeySet;
      const find = createLocalJWKSet(set);
      this.#known = { find, ids: new Set(set.keys.flatMap(({ kid }) => kid ?? [])), at: this.#now() };
    } catch {
      // What is known goes on; whoever has none is told that it cannot be told.
    }
  }
}

const refetchMs = 12 * 3_600_000;
const longestMs = 24 * 3_600_000;
const pauseMs = 60_000;
/** While there are no keys at all. */
const firstPauseMs = 5000;
const timeoutMs = 10_000;
const maxBytes = 512 * 1024;
