import { isIPv6 } from "node:net";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `host`, `[::1]:port`, `::1`; null when it is none of these or there is no port and no default. */
export function parseHostPort(text: string, defaultPort: number | null): HostPort | null {
  const bare = isIPv6(text) ? [text, undefined] : null;
  const match = bare === null ? /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+))(?::([0-9]{1,5}))?$/.exec(text) : null;
  const host = bare?.[0] ?? match?.[1] ?? match?.[2];
  if (host === undefined) return null;
  if (match?.[1] !== undefined && !isIPv6(host)) return null;
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  return port === null || port < 1 || port > 65_535 ? null : { host, port };
}
