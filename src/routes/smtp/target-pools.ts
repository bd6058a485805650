import type { HostPort } from "../../lib/host-port.ts";
import type { Delivery } from "../route.ts";
import type { Attempt } from "../smtp-client/attempt.ts";
import type { Pool } from "../smtp-client/pool.ts";

interface Entry {
  readonly pool: Pool;
  /** Attempts under way. */
  active: number;
}

/**
 * The connections of each host of one route. Bounded by what names the hosts: a pool whose host is named no longer takes nothing new, ends
 * what it has and is closed.
 */
export class TargetPools implements AsyncDisposable {
  readonly #open: (target: HostPort) => Pool;
  /** Those of hosts that are named now. */
  readonly #entries = new Map<string, Entry>();
  readonly #retired = new Set<Entry>();
  readonly #closing = new Set<Promise<void>>();

  constructor(open: (target: HostPort) => Pool) {
    this.#open = open;
  }

  /** SIZE as the hosts named now said it last; null: none has. */
  get maxSize(): number | null {
    let last: number | null = null;
    for (const { pool } of this.#entries.values()) last = pool.maxSize ?? last;
    return last;
  }

  async run(target: HostPort, attempt: Attempt): Promise<Delivery> {
    const key = keyOf(target);
    const entry = this.#entries.get(key) ?? { pool: this.#open(target), active: 0 };
    this.#entries.set(key, entry);
    entry.active++;
    try {
      entry.pool.add(attempt);
      return await attempt.done;
    } finally {
      entry.active--;
      if (entry.active === 0 && this.#retired.has(entry)) this.#close(entry);
    }
  }

  /** These are the hosts from now on. */
  keep(named: readonly HostPort[]): void {
    const keys = new Set(named.map(keyOf));
    for (const [key, entry] of this.#entries) if (!keys.has(key)) this.#retire(key, entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#entries.values(), ...this.#retired].map(({ pool }) => pool[Symbol.asyncDispose]());
    this.#entries.clear();
    this.#retired.clear();
    await Promise.all([...all, ...this.#closing]);
  }

  #retire(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#retired.add(entry);
    if (entry.active === 0) this.#close(entry);
  }

  #close(entry: Entry): void {
    this.#retired.delete(entry);
    const closing = entry.pool[Symbol.asyncDispose]();
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
  }
}

function keyOf({ host, port }: HostPort): string {
  return `${host.toLowerCase()}:${port}`;
}
