import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { unlessAborted } from "./unless-aborted.ts";

/** Host names to addresses. The dialer's port; the real one is below, tests and the direct-MX route bring others. */
export interface Resolver {
  /** Addresses of the host in the order to try, at least one. Rejects with NoSuchHost when the name does not exist or has no address. */
  addresses(host: string, signal: AbortSignal): Promise<readonly string[]>;
}

export class NoSuchHost extends Error {
  override readonly name = "NoSuchHost";
}

/** The machine's resolver, /etc/hosts included: next hops in a company's network are often named there. */
export const systemResolver: Resolver = {
  async addresses(host, signal) {
    if (isIP(host) !== 0) return [host];
    try {
      // getaddrinfo cannot be cancelled; giving up must not wait for it.
      const found = await unlessAborted(lookup(host, { all: true, verbatim: true }), signal);
      if (found.length === 0) throw new NoSuchHost(`${host} has no address`);
      return found.map((entry) => entry.address);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "ENOTFOUND" || code === "ENODATA") throw new NoSuchHost(`${host} is not known`, { cause: error });
      throw error;
    }
  },
};
