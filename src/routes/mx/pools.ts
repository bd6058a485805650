import { LruMap } from "../../lib/lru.ts";
import { Pool } from "../smtp-client/pool.ts";
import type { Settings } from "../smtp-client/settings.ts";
import type { Dialer } from "../../lib/dial.ts";
import type { RouteLog } from "../route-log.ts";

/** One server under one demand, and its connections. Domains with the same servers share them. */
export interface Entry {
  readonly pool: Pool;
  /** Transactions under way. */
  active: number;
}

/** The connections of all servers, bounded: those unused longest are closed for others. */
export class Pools implements AsyncDisposable {
  readonly #deps: { readonly dialer: Dialer; readonly log: RouteLog; readonly now: () => number };
  readonly #max: number;
  /** In the order of last use. */
  readonly #entries = new Map<string, Entry>();
  /** Until when, by performance.now(). */
  readonly #troubled = new LruMap<string, number>(1000);
  #closed = false;
  readonly #closing = new Set<Promise<void>>();

  /** @param max servers whose connections are kept when nothing is under way with them */
  constructor(max: number, deps: { readonly dialer: Dialer; readonly log: RouteLog; readonly now: () => number }) {
    this.#max = max;
    this.#deps = deps;
  }

  /** @param key tells servers and demands apart */
  entry(key: string, settings: Settings): Entry {
    const found = this.#entries.get(key);
    const { dialer, log, now } = this.#deps;
    const entry = found ?? { pool: new Pool(settings, dialer, log, now), active: 0 };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#max) this.#evict(entry);
    return entry;
  }

  /** A server could not be reached: for a while others are tried first. */
  trouble(host: string): void {
    this.#troubled.set(host, performance.now() + troubledForMs);
  }

  isTroubled(host: string): boolean {
    return performance.now() < (this.#troubled.peek(host) ?? 0);
  }

  get closed(): boolean {
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const all = [...this.#entries.values()].map(({ pool }) => pool[Symbol.asyncDispose]());
    this.#entries.clear();
    await Promise.allSettled([...all, ...this.#closing]);
  }

  #evict(kept: Entry): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#max) return;
      if (entry.active > 0 || entry === kept) continue;
      this.#entries.delete(key);
      const closing = entry.pool[Symbol.asyncDispose]();
      this.#closing.add(closing);
      void closing.finally(() => this.#closing.delete(closing));
    }
  }
}

const troubledForMs = 60_000;
