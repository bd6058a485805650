/** The part behind the last `@`, lower case; empty when there is none (`postmaster`). */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1 || address.length).toLowerCase();
}

/** The part before the last `@`; the whole when there is none. */
export function localPartOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? address : address.slice(0, at);
}

/**
 * One spelling for comparing: domain in lower case, local part too.
 *
 * RFC 5321 §2.4 lets local parts be case-sensitive; Microsoft 365 and every other service we know ignores case, so do comparisons here.
 * What is sent on keeps the sender's spelling.
 */
export function canonicalAddress(address: string): string {
  return address.toLowerCase();
}

/**
 * Whether `address` fits one pattern: `*` (all), `user@domain`, `@domain`, `*@domain` or `domain` (that domain), `*.domain` or
 * `@*.domain` (its sub-domains, not itself). The null reverse-path fits only `<>` and `*`.
 */
export function matchesAddress(pattern: string, address: string | null): boolean {
  if (pattern === "*") return true;
  if (address === null) return pattern === "<>";
  const wanted = pattern.toLowerCase();
  const at = wanted.lastIndexOf("@");
  if (at > 0 && wanted.slice(0, at) !== "*") return wanted === canonicalAddress(address);
  return matchesDomain(wanted.slice(at + 1), domainOf(address));
}

/** Whether `domain` (lower case) fits `example.com` or `*.example.com`. */
export function matchesDomain(pattern: string, domain: string): boolean {
  if (pattern === "*") return true;
  if (pattern.startsWith("*.")) return domain.endsWith(pattern.slice(1).toLowerCase());
  return domain === pattern.toLowerCase();
}
