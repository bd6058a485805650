import { Dialer } from "../lib/dial.ts";
import { DnsClient } from "../lib/dns/dns-client.ts";
import type { Dns } from "../lib/dns/dns.ts";
import { dnsResolver } from "../lib/dns/dns-resolver.ts";
import { machineServers } from "../lib/dns/machine-servers.ts";
import { type HostPort, parseHostPort } from "../lib/host-port.ts";
import { HttpClient } from "../lib/http/http-client.ts";
import type { NetworkOptions } from "../lib/network-options.ts";
import { systemResolver } from "../lib/resolver.ts";

/** What every part that goes out shares: names, connections, HTTPS. */
export interface Network {
  readonly dns: Dns;
  /** The answers' AD bit is believed, so DANE can be used. */
  readonly dnsTrusted: boolean;
  readonly dialer: Dialer;
  /** Looks every name up in the DNS, whatever the machine's resolver would say: for mail servers that MX records name. */
  readonly dnsDialer: Dialer;
  readonly http: HttpClient;
  /** HTTPS with other authorities to trust. Whoever asks disposes. */
  readonly httpTrusting: (ca: string) => HttpClient;
}

/** @param now policy-clock ms */
export function openNetwork(options: NetworkOptions, now: () => number): Network {
  const { dns: names, proxy, ca, allowPrivate } = options;
  const servers = names.servers?.flatMap((text) => parseHostPort(text, 53) ?? []);
  const dns = new DnsClient({ servers: servers ?? machineServers(), trusted: names.trusted, timeoutMs: names.timeoutMs }, now);
  const hosts = hostMap(options.hosts);
  const dnsDialer = new Dialer(dnsResolver(dns), hosts);
  const dialer = servers === undefined ? new Dialer(systemResolver, hosts) : dnsDialer;
  const shared = { dialer, allowPrivate, ...(proxy === undefined ? {} : { proxy }) };
  const http = new HttpClient({ ...shared, ...(ca === undefined ? {} : { ca }) });
  const httpTrusting = (other: string) => new HttpClient({ ...shared, ca: other });
  return { dns, dnsTrusted: names.trusted, dialer, dnsDialer, http, httpTrusting };
}

function hostMap(hosts: Readonly<Record<string, string>>): ReadonlyMap<string, HostPort> {
  const map = new Map<string, HostPort>();
  for (const [from, text] of Object.entries(hosts)) {
    const to = parseHostPort(text, null);
    if (to !== null) map.set(from.toLowerCase(), to);
  }
  return map;
}
