import { DnsFailed, type Dns } from "../lib/dns/dns.ts";
import { catalogue } from "../services/catalogue.ts";
import type { ServiceKind } from "../services/service.ts";

/**
 * Whether a From domain is ready to be a bulk sender, as far as the DNS tells: SPF and DKIM must pass and DMARC must be there, or the large
 * consumer providers refuse its mail (services/receivers.ts). What cannot be told from here is said, never assumed.
 */
export interface BulkReadiness {
  /** All was found, and all could be looked up. */
  readonly passes: boolean;
  /** Half sentences: `DMARC: there is no record at _dmarc.contoso.example`. */
  readonly missing: readonly string[];
  readonly unchecked: readonly string[];
}

/** A key of ours and its record, for mail that we sign. */
export interface PublishedKey {
  readonly domain: string;
  readonly selector: string;
  /** As dkim-record.ts writes it. */
  readonly record: string;
}

export interface ReadinessQuestion {
  /** Of From, lower case. */
  readonly domain: string;
  /** By which its mail leaves; null: a next hop that the catalogue does not know. */
  readonly ways: ReadonlySet<ServiceKind | null>;
  /** Keys that sign the domain's mail where it leaves directly. */
  readonly keys: readonly PublishedKey[];
}

export async function checkBulkReadiness({ domain, ways, keys }: ReadinessQuestion, dns: Dns, signal: AbortSignal): Promise<BulkReadiness> {
  const missing: string[] = [];
  const unchecked: string[] = [];
  const checks = [
    ...[...ways].map((way) => checkDkim(domain, way, keys, dns, signal)),
    checkSpf(domain, ways, dns, signal),
    checkDmarc(domain, dns, signal),
  ];
  for (const settled of await Promise.allSettled(checks)) {
    if (settled.status === "fulfilled") {
      missing.push(...(settled.value.missing ?? []));
      unchecked.push(...(settled.value.unchecked ?? []));
    } else if (settled.reason instanceof DnsFailed) unchecked.push(`the name servers did not answer (${settled.reason.code})`);
    else throw settled.reason;
  }
  return { passes: missing.length + unchecked.length === 0, missing: [...new Set(missing)], unchecked: [...new Set(unchecked)] };
}

interface Finding {
  readonly missing?: readonly string[];
  readonly unchecked?: readonly string[];
}

async function checkDkim(
  domain: string,
  way: ServiceKind | null,
  keys: readonly PublishedKey[],
  dns: Dns,
  signal: AbortSignal,
): Promise<Finding> {
  if (way === "mx") {
    if (keys.length === 0) return { missing: [`DKIM: nothing signs ${domain} where it leaves directly; add it to \`domains\``] };
    const wrong: string[] = [];
    for (const { domain: of, selector, record } of keys) {
      const name = `${selector}._domainkey.${of}`;
      const { records } = await dns.txt(name, signal);
      if (!records.some((text) => keyIn(text) === keyIn(record))) wrong.push(`DKIM: ${name} does not publish our key`);
    }
    return { missing: wrong };
  }
  const published = way === null ? undefined : catalogue[way].domainRecords?.dkimSelectors.rules.at(-1)?.value;
  if (published === undefined)
    return { unchecked: [`whether ${way === null ? "the next hop" : catalogue[way].title} signs by DKIM for ${domain}`] };
  for (const selector of published) {
    const { records } = await dns.txt(`${selector}._domainkey.${domain}`, signal);
    if (records.some((text) => keyIn(text) !== "")) return {};
  }
  return { missing: [`DKIM: there is no key at ${published.map((selector) => `${selector}._domainkey.${domain}`).join(" or ")}`] };
}

/** RFC 6376 §3.6.1: the public key of a record; empty: none, or revoked. */
function keyIn(record: string): string {
  return /(?:^|;)\s*p=([^;]*)/.exec(record)?.[1]?.replaceAll(/\s/g, "") ?? "";
}

async function checkSpf(domain: string, ways: ReadonlySet<ServiceKind | null>, dns: Dns, signal: AbortSignal): Promise<Finding> {
  const includes = new Set<string>();
  let ownAddresses = false;
  for (const way of ways) {
    const records = way === null ? undefined : catalogue[way].domainRecords;
    const include = records?.spfInclude?.rules.at(-1)?.value;
    if (include !== undefined) includes.add(include);
    else if (records === undefined) ownAddresses = true;
  }
  if (includes.size === 0 && !ownAddresses) return {};
  const named = new Set<string>();
  if (!(await collectIncludes(domain, named, dns, signal))) return { missing: [`SPF: ${domain} has no record`] };
  return {
    missing: [...includes].filter((name) => !named.has(name)).map((name) => `SPF: the record of ${domain} does not name include:${name}`),
    unchecked: ownAddresses ? [`whether SPF of ${domain} names the address that its mail leaves from`] : [],
  };
}

/** RFC 7208 §4.6.4: ten look-ups at most. */
const maxLookUps = 10;

/** The names that an SPF record leads to; false: there is none. */
async function collectIncludes(domain: string, named: Set<string>, dns: Dns, signal: AbortSignal): Promise<boolean> {
  let found = false;
  const open = [domain];
  for (let asked = 0; asked < maxLookUps; asked++) {
    const name = open.shift();
    if (name === undefined) break;
    const { records } = await dns.txt(name, signal);
    const record = records.find((text) => /^v=spf1(?: |$)/i.test(text));
    if (record === undefined) continue;
    found = true;
    for (const term of record.toLowerCase().split(/ +/)) {
      const target = /^\+?include:(.+)$/.exec(term)?.[1] ?? /^redirect=(.+)$/.exec(term)?.[1];
      if (target === undefined || target.includes("%") || named.has(target)) continue;
      named.add(target);
      open.push(target);
    }
  }
  return found;
}

/** The domain's own record, or that of a domain above it, which holds for it as well (organisational domain). */
async function checkDmarc(domain: string, dns: Dns, signal: AbortSignal): Promise<Finding> {
  const labels = domain.split(".");
  for (let n = 0; n < Math.min(labels.length - 1, 5); n++) {
    const { records } = await dns.txt(`_dmarc.${labels.slice(n).join(".")}`, signal);
    if (records.some((text) => /^v=DMARC1\s*(?:;|$)/.test(text))) return {};
  }
  return { missing: [`DMARC: there is no record at _dmarc.${domain}`] };
}
