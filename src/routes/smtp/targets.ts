import { isIP } from "node:net";
import type { Dns } from "../../lib/dns/dns.ts";
import { type HostPort, parseHostPort } from "../../lib/host-port.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";

/** The hosts of one route in the order to try now. A host that had trouble comes last until its time is over, never not at all. */
export interface Targets {
  order(signal: AbortSignal): Promise<readonly HostPort[] | Failure>;
  /** It could not be reached, encrypted or made to take mail. */
  troubled(target: HostPort, reason: string): void;
  worked(target: HostPort): void;
  /** Each host as it stands, for the status. */
  health(): readonly TargetHealth[];
}

export interface TargetHealth {
  readonly target: HostPort;
  /** null: it works, or was not tried yet. */
  readonly trouble: { readonly reason: string; readonly restMs: number } | null;
}

/** Longest time a host is left out; it begins with a twentieth and doubles. */
const longestMs = 300_000;

interface Trouble {
  readonly reason: string;
  readonly until: number;
  readonly waitMs: number;
  /** Its time was over and one transaction is trying it; the others go elsewhere until that one knows. */
  readonly onTrial: boolean;
}

abstract class Rested implements Targets {
  readonly #trouble = new Map<string, Trouble>();
  readonly #now: () => number;

  /** @param now monotonic ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  abstract order(signal: AbortSignal): Promise<readonly HostPort[] | Failure>;

  protected abstract known(): readonly HostPort[];

  troubled(target: HostPort, reason: string): void {
    const now = this.#now();
    const before = this.#trouble.get(key(target));
    // Many that were under way fail together: that is one trouble, not ten.
    if (before !== undefined && !before.onTrial && before.until > now) return;
    const waitMs = before === undefined ? longestMs / 20 : Math.min(before.waitMs * 2, longestMs);
    this.#trouble.set(key(target), { reason, until: now + waitMs, waitMs, onTrial: false });
  }

  worked(target: HostPort): void {
    this.#trouble.delete(key(target));
  }

  health(): readonly TargetHealth[] {
    const now = this.#now();
    return this.known().map((target) => {
      const trouble = this.#trouble.get(key(target));
      return { target, trouble: trouble === undefined ? null : { reason: trouble.reason, restMs: Math.max(0, trouble.until - now) } };
    });
  }

  /** What is not among them has no trouble that anybody could still have. */
  protected forgetOthers(targets: readonly HostPort[]): void {
    if (this.#trouble.size === 0) return;
    const named = new Set(targets.map(key));
    for (const one of this.#trouble.keys()) if (!named.has(one)) this.#trouble.delete(one);
  }

  protected healthyFirst(targets: readonly HostPort[]): readonly HostPort[] {
    const now = this.#now();
    const isDown = (target: HostPort) => (this.#trouble.get(key(target))?.until ?? 0) > now;
    const ordered = targets.toSorted((a, b) => Number(isDown(a)) - Number(isDown(b)));
    const [first] = ordered;
    const trouble = first === undefined ? undefined : this.#trouble.get(key(first));
    if (first !== undefined && trouble !== undefined && trouble.until <= now)
      this.#trouble.set(key(first), { ...trouble, until: now + trouble.waitMs, onTrial: true });
    return ordered;
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

  protected known(): readonly HostPort[] {
    return this.#targets;
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
  #found: readonly HostPort[] = [];

  constructor(domain: string, port: number, dns: Dns, now: () => number) {
    super(now);
    this.#domain = domain;
    this.#port = port;
    this.#dns = dns;
  }

  protected known(): readonly HostPort[] {
    return this.#found;
  }

  async order(signal: AbortSignal): Promise<readonly HostPort[] | Failure> {
    try {
      const { records } = await this.#dns.mx(this.#domain, signal);
      const named = records.filter(({ exchange }) => exchange !== "").toSorted((a, b) => a.preference - b.preference);
      // A route is no destination: what its domain lacks is the operator's trouble, and its mail waits.
      if (named.length === 0) return failure("route.unavailable", { text: `The domain ${this.#domain} has no MX` });
      this.#found = named.slice(0, maxServers).map(({ exchange }) => ({ host: exchange, port: this.#port }));
      this.forgetOthers(this.#found);
      return this.healthyFirst(this.#found);
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
