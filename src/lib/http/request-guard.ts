import { isIP } from "node:net";

/**
 * Who may talk to an HTTP API that is meant for programs and pages of this machine.
 *
 * A page of a foreign site can make a browser send requests here, and by DNS rebinding even read the answers, under a Host of its own. So the
 * Host must be a loopback address, `localhost`, or a name that the operator listed; and whatever changes something must not come from another
 * origin. Programs other than browsers send no Origin and are not concerned.
 */
export interface RequestFacts {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site */
  readonly fetchSite: string | undefined;
}

export type GuardVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: "request.foreign-host" | "request.foreign-origin"; readonly message: string };

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** @param hosts names allowed besides loopback, in lower case, without port. */
export function guardRequest({ method, host, origin, fetchSite }: RequestFacts, hosts: ReadonlySet<string> = new Set()): GuardVerdict {
  const name = hostName(host);
  if (name === null || !(isLoopbackName(name) || hosts.has(name))) {
    return { ok: false, code: "request.foreign-host", message: "Use a loopback address or localhost in the URL: this Host is not served." };
  }
  if (safeMethods.has(method)) return { ok: true };
  // Fetch standard: browsers send Origin with every request that may change something; a page's own origin is scheme, host and port as in the URL.
  const foreign = origin !== undefined && !sameOrigin(origin, host ?? "");
  if (foreign || fetchSite === "cross-site" || fetchSite === "same-site") {
    return { ok: false, code: "request.foreign-origin", message: "Pages of another origin may not change anything here." };
  }
  return { ok: true };
}

/** The host of a Host header in lower case, without port; null when it is not one. */
function hostName(host: string | undefined): string | null {
  const match = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::\d{1,5})?$/.exec(host ?? "");
  return match?.[1]?.toLowerCase() ?? null;
}

export function isLoopbackName(name: string): boolean {
  // RFC 6761 §6.3: localhost and what is below it is always loopback.
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" || (isIP(name) === 4 && name.startsWith("127."));
}

function sameOrigin(origin: string, host: string): boolean {
  const match = /^https?:\/\/(.+)$/.exec(origin);
  return match?.[1]?.toLowerCase() === host.toLowerCase();
}
