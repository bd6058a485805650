import { Dialer } from "../../src/lib/dial.ts";
import { DnsClient } from "../../src/lib/dns/dns-client.ts";
import { dnsResolver } from "../../src/lib/dns/dns-resolver.ts";
import { silentRouteLog } from "../../src/routes/route-log.ts";
import type { Route } from "../../src/routes/route.ts";
import { createMxRoute, type MxRouteDeps } from "../../src/routes/mx/mx-route.ts";
import type { MxRouteOptions } from "../../src/routes/mx/options.ts";

/** A direct route with names from `dns`, whose mail servers are on loopback by the map of hosts. Policy time stands at 1000. */
export function mxRoute(
  dns: { readonly place: { readonly host: string; readonly port: number } },
  servers: Readonly<Record<string, { readonly port: number }>>,
  options: Partial<MxRouteOptions> = {},
  deps: Partial<MxRouteDeps> = {},
): Route {
  const dnsTrusted = deps.dnsTrusted ?? false;
  const client = new DnsClient({ servers: [dns.place], trusted: dnsTrusted, timeoutMs: 1000 }, () => 1000);
  const map = new Map(Object.entries(servers).map(([host, { port }]) => [`${host}:25`, { host: "127.0.0.1", port }]));
  return createMxRoute(
    { name: "direct", helloName: "gateway.contoso.example", ...options },
    {
      dialer: new Dialer(dnsResolver(client), map),
      dns: client,
      dnsTrusted,
      log: silentRouteLog,
      now: () => 1000,
      hostname: "gateway.contoso.example",
      ...deps,
    },
  );
}
