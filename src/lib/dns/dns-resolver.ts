import { isIP } from "node:net";
import { NoSuchHost, type Resolver } from "../resolver.ts";
import type { Dns } from "./dns.ts";

/** Host names for the dialer from configured name servers instead of the machine: literal addresses and `localhost` need none. */
export function dnsResolver(dns: Pick<Dns, "addresses">): Resolver {
  return {
    async addresses(host, signal) {
      const name = host.toLowerCase().replace(/\.$/, "");
      if (isIP(name) !== 0) return [name];
      // RFC 6761 §6.3: localhost is loopback, whatever a name server says.
      if (name === "localhost" || name.endsWith(".localhost")) return ["127.0.0.1", "::1"];
      const { records, noSuchName } = await dns.addresses(name, signal);
      if (records.length === 0) throw new NoSuchHost(noSuchName ? `${host} is not known` : `${host} has no address`);
      return records;
    },
  };
}
