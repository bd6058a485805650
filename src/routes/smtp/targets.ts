import { isIP } from "node:net";
import type { Dns } from "../../lib/dns/dns.ts";
import { type HostPort, parseHostPort } from "../../lib/host-port.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";

/** The hosts of one route in the order to try now. A host that had trouble comes last until its time is over, never not at all. */
export interface Targets {
  order(signal: AbortSignal): Promise<readonly HostPort[] | Failure>;
  /** It could not be reached, encrypted or made to take mail. */
  troubled(target: HostPort): void;
  worked(target: HostPort): void;
  /** Those in trouble now, for the status. */
  down(): readonly HostPort[];
}

/** Longest time a host is left out; it begins with a twentieth and doubles. */
const longestMs = 300_000;

abstract class Rested implements Targets {
  readonly #trouble = new Map<string, { readonly target: HostPort; readonly until: number; readonly waitMs: number }>();
  readonly #now: () => number;

  /** @param now monotonic ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  abstract order(signal: AbortSignal): Promise<readonly HostPort[] | Failure>;

  troubled(target: HostPort): void {
    const before = this.#trouble.get(key(target));
    const waitMs = before === undefined ? longestMs / 20 : Math.min(before.waitMs * 2, longestMs);
    this.#trouble.set(key(target), { target, until: this.#now() + waitMs, waitMs });
  }

  worked(target: HostPort): void {
    this.#trouble.delete(key(target));
  }

  down(): readonly HostPort[] {
    return [...this.#trouble.values()].filter(({ until }) => until > this.#now()).map(({ target }) => target);
  }

  protected healthyFirst(targets: readonly HostPort[]): readonly HostPort[] {
    const isDown = (target: HostPort) => (this.#trouble.get(key(target))?.until ?? 0) > this.#now();
    return targets.toSorted((a, b) => Number(isDown(a)) - Number(isDown(b)));
  }
}

/** Hosts that the operator or the catalogue names, one after the other. */
export class NamedTargets extends Rested {
  readonly #targets: readonly HostPort[];
  #turn = 0;

  constructor(hosts: readonly string[], port: number, now: () => number) {
    super(now);
    this.#targets = hosts.map((host) => (isIP(host) === 0 ? (parseHostPort(host, port) ?? { host, port }) : { host, port }));
  }

  order(): Promise<readonly HostPort[]> {
    const first = this.#turn++ % this.#targets.length;
    return Promise.resolve(this.healthyFirst([...this.#targets.slice(first), ...this.#targets.slice(0, first)]));
  }
}

/** The MX of a domain, by preference. The DNS client remembers the answer for its time. */
export class MxTargets extends Rested {
  readonly #domain: string;
  readonly #port: number;
  readonly #dns: Dns;

  constructor(domain: string, port: number, dns: Dns, now: () => number) {
    super(now);
    this.#domain = domain;
    this.#port = port;
    this.#dns = dns;
  }

  async order(signal: AbortSignal): Promise<readonly HostPort[] | Failure> {
    try {
      const { records } = await this.#dns.mx(this.#domain, signal);
      const named = records.filter(({ exchange }) => exchange !== "").toSorted((a, b) => a.preference - b.preference);
      // A route is no destination: what its domain lacks is the operator's trouble, and its mail waits.
      if (named.length === 0) return failure("route.unavailable", { text: `The domain ${this.#domain} has no MX` });
      return this.healthyFirst(named.slice(0, maxServers).map(({ exchange }) => ({ host: exchange, port: this.#port })));
    } catch (error) {
      signal.throwIfAborted();
      return failure("dns.temporary", {
        scope: "route",
        text: `The MX of ${this.#domain} could not be looked up: ${(error as Error).message}`,
      });
    }
  }
}

const maxServers = 8;

function key({ host, port }: HostPort): string {
  return `${host.toLowerCase()}:${port}`;
}
