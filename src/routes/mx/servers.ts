import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { type Dns, DnsFailed, type MxRecord } from "../../lib/dns/dns.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";

/** The mail servers of a domain in the order to try. */
export interface Servers {
  /** Names, or one literal address; lower case, at least one. */
  readonly hosts: readonly string[];
  /** Every step from the domain to the names was authentic, so that DANE can be used. */
  readonly authentic: boolean;
}

/**
 * Finds the mail servers of a domain: RFC 5321 §5.1, RFC 7505 (null MX).
 *
 * @param domain lower case, A-labels; or an address literal with its brackets
 * @param ourNames lower case; a server of this name is this gateway itself
 * @param random 0 ≤ x < 1
 */
export async function findServers(
  domain: string,
  dns: Pick<Dns, "mx">,
  ourNames: ReadonlySet<string>,
  random: () => number,
  signal: AbortSignal,
): Promise<Servers | Failure> {
  if (domain.startsWith("[")) {
    // RFC 5321 §4.1.3
    const address = domain.slice(1, -1).replace(/^ipv6:/, "");
    return isIP(address) === 0 ? failure("submission.address-syntax") : { hosts: [address], authentic: false };
  }
  let answer;
  try {
    answer = await dns.mx(domain, signal);
  } catch (error) {
    if (!(error instanceof DnsFailed)) throw error;
    const text = `The mail servers of ${domain} could not be looked up: ${error.message}`;
    return failure("dns.temporary", resolverIsDown.has(error.code) ? { text, scope: "route" } : { text });
  }
  const { records, authentic, noSuchName } = answer;
  if (noSuchName) return failure("dns.no-such-domain", { text: `The domain ${domain} does not exist` });
  // RFC 5321 §5.1: without MX the domain itself is its mail server; whether it has an address is seen when it is tried.
  if (records.length === 0) return ourNames.has(domain) ? failure("dns.mx-loop") : { hosts: [domain], authentic };
  const real = records.filter(({ exchange }) => exchange !== "");
  if (real.length === 0) return failure("dns.null-mx", { text: `The domain ${domain} takes no mail at all` });
  const usable = beforeOurselves(real, ourNames);
  if (usable.length === 0) return failure("dns.mx-loop", { text: `The best mail server of ${domain} is this gateway itself` });
  return { hosts: inOrder(usable, random), authentic };
}

/** Our own name servers cannot be reached at all: nothing can leave by the route. A time-out may as well be the domain's fault. */
const resolverIsDown: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "EACCES", "EPERM"]);

/** RFC 5321 §5.1: where the list names ourselves, only servers that are preferred to us may be tried. */
function beforeOurselves(records: readonly MxRecord[], ourNames: ReadonlySet<string>): readonly MxRecord[] {
  const own = records.filter(({ exchange }) => ourNames.has(exchange)).map(({ preference }) => preference);
  const limit = Math.min(Infinity, ...own);
  return records.filter(({ preference }) => preference < limit);
}

/** RFC 5321 §5.1: by preference, and within one in random order, to spread the load. */
function inOrder(records: readonly MxRecord[], random: () => number): readonly string[] {
  const drawn = records.map(({ preference, exchange }) => ({ preference, exchange, lot: random() }));
  drawn.sort((a, b) => a.preference - b.preference || a.lot - b.lot);
  return [...new Set(drawn.map(({ exchange }) => exchange))].slice(0, maxServers);
}

/** More are never tried: a domain with a thousand servers must not keep the route busy. */
const maxServers = 8;

/** The domain of a recipient as the DNS knows it: lower case, A-labels (RFC 5891); empty when it cannot be one. */
export function dnsDomain(domain: string): string {
  return domain.startsWith("[") && domain.endsWith("]") ? domain.toLowerCase() : domainToASCII(domain);
}
