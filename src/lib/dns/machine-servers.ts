import { getServers } from "node:dns";
import { type HostPort, parseHostPort } from "../host-port.ts";

/** The machine's name servers (resolv.conf), as Node reads them; loopback when it names none. */
export function machineServers(): readonly HostPort[] {
  const servers = getServers().flatMap((text) => parseHostPort(text, 53) ?? []);
  return servers.length === 0 ? [{ host: "127.0.0.1", port: 53 }] : servers;
}
