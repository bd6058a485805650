import { createHash, X509Certificate } from "node:crypto";
import { stsDomain, stsRecord } from "../internet/mta-sts-policy.ts";
import type { DnsRecord, RecordType, ZoneFacts } from "../dns/record.ts";
import {
  acsDkimZone,
  microsoftSpfName,
  mxHostOf,
  outboundAddresses,
  outboundNames,
  sendgridHost,
  sendgridReturnPathLabel,
  type SendingHost,
  type WorldHost,
} from "./hosts.ts";
import type { SigningKeyName } from "./signing-keys.ts";

/** What the world is made of. */
export interface WorldFacts {
  readonly tenantId: string;
  /** Accepted domains, lower case. */
  readonly tenantDomains: readonly string[];
  /** Verified custom domains of ACS resources. */
  readonly acsDomains: readonly string[];
  /** Domains that SendGrid has authenticated. */
  readonly sendgridDomains: readonly string[];
  readonly internetDomains: readonly string[];
  /** PEM of the certificate that the rooms show: TLSA names its key. */
  readonly certificate: string;
  /** The key record of a service's key. */
  readonly keyRecord: (name: SigningKeyName) => Promise<string>;
}

/**
 * The zones of the sandbox's world, as their owners would have published them: the tenant (facts file 7.1, 13.1, 4.1, 9), Microsoft's side,
 * SendGrid's, and the outside world. Microsoft's own names end in `.example` here: `outlook.com` is `outlook.example`, `azurecomm.net` is
 * `azurecomm.example`.
 */
export function worldZones(facts: WorldFacts): {
  readonly zones: readonly ZoneFacts[];
  readonly records: readonly DnsRecord[];
  readonly hosts: readonly WorldHost[];
} {
  const hosts = worldHosts(facts);
  const plain = (name: string): ZoneFacts => ({ name, authentic: false });
  const zones: ZoneFacts[] = [
    ...new Set([...facts.tenantDomains, ...facts.acsDomains, "outlook.example", acsDkimZone, "sendgrid.example"]),
  ].map(plain);
  // The partner's zone counts as signed: DANE can be seen at work.
  for (const [index, domain] of facts.internetDomains.entries())
    if (!zones.some(({ name }) => name === domain)) zones.push({ name: domain, authentic: index === 0 });
  zones.push(...reverseZones.map(plain));
  const records = [
    ...microsoft(facts),
    ...facts.tenantDomains.flatMap((domain) => tenantDomain(domain, facts)),
    ...facts.acsDomains.flatMap((domain) => acsDomain(domain, facts)),
    ...facts.sendgridDomains.flatMap((domain) => sendgridDomain(domain)),
    ...sendgrid(facts),
    ...facts.internetDomains.flatMap((domain, index) => internetDomain(domain, index, facts)),
    ...hosts.flatMap(({ name, addresses }) =>
      addresses.flatMap((address) => [record(name, address.includes(":") ? "AAAA" : "A", address), pointer(address, name)]),
    ),
  ];
  return { zones, records, hosts };
}

export function worldHosts({ tenantDomains, internetDomains }: WorldFacts): readonly WorldHost[] {
  const outbound = Object.entries(outboundAddresses) as [SendingHost, string][];
  return [
    ...tenantDomains.map((domain) => ({ name: mxHostOf(domain), addresses: ["203.0.113.5"], service: "tenant-mx" })),
    ...internetDomains.map((domain, index) => ({
      name: `mx.${domain}`,
      // The partner has both families, so that a sender's choice between them can be tried.
      addresses: [`198.51.100.${71 + (index % 150)}`, ...(index === 0 ? ["2001:db8:51:100::71"] : [])],
      service: "internet-mx",
    })),
    ...outbound.map(([service, address]) => ({
      name: outboundNames[service],
      addresses: [address],
      service: service === "on-premises" ? service : null,
    })),
    ...(stsDomain(internetDomains) === null
      ? []
      : [{ name: `mta-sts.${stsDomain(internetDomains)}`, addresses: ["198.51.100.80"], service: "api" }]),
    { name: "smtp.office365.example", addresses: ["203.0.113.51"], service: "smtp-auth" },
    { name: "smtp.hve.mx.microsoft.example", addresses: ["203.0.113.52"], service: "hve" },
    { name: "smtp.azurecomm.example", addresses: ["203.0.113.53"], service: "acs-smtp" },
    { name: "smtp.sendgrid.example", addresses: ["203.0.113.54"], service: "sendgrid-smtp" },
  ];
}

function microsoft(facts: WorldFacts): readonly DnsRecord[] {
  const senders = ["smtp-auth", "hve", "tenant-mx", "acs-smtp"] as const;
  return [
    record(microsoftSpfName, "TXT", `v=spf1 ${senders.map((name) => `ip4:${outboundAddresses[name]}`).join(" ")} -all`),
    ...(["selector1", "selector2"] as const).map((selector) =>
      lazyRecord(`${selector}-azurecomm-prod-net._domainkey.${acsDkimZone}`, facts, `acs-${selector}`),
    ),
  ];
}

function tenantDomain(domain: string, facts: WorldFacts): readonly DnsRecord[] {
  const initial = initialDomain(facts.tenantDomains);
  const common = [
    record(domain, "MX", `0 ${mxHostOf(domain)}`),
    // MS Learn "SPF": own addresses, then the include. The on-premises server and the gateway send directly.
    record(
      domain,
      "TXT",
      domain === initial
        ? `v=spf1 include:${microsoftSpfName} -all`
        : `v=spf1 ip4:${outboundAddresses["on-premises"]} ip4:${outboundAddresses.gateway} include:${microsoftSpfName} -all`,
    ),
  ];
  if (domain === initial)
    return [...common, ...selectors.map((selector) => lazyRecord(`${selector}._domainkey.${domain}`, facts, `exo-${selector}`))];
  const dashed = domain.replaceAll(".", "-");
  return [
    ...common,
    // MS "How to use DKIM": the domain was enabled before May 2025, so its CNAMEs point into the initial domain.
    ...selectors.flatMap((selector) => {
      const target = `${selector}-${dashed}._domainkey.${initial}`;
      return [record(`${selector}._domainkey.${domain}`, "CNAME", target), lazyRecord(target, facts, `exo-${selector}`)];
    }),
    record(domain, "TXT", `MS=ms${createHash("sha256").update(domain).digest().readUInt32BE(0) % 100_000_000}`),
    record(`_dmarc.${domain}`, "TXT", `v=DMARC1; p=none; rua=mailto:dmarc@${domain}`),
  ];
}

/** Facts file 4.1. */
function acsDomain(domain: string, facts: WorldFacts): readonly DnsRecord[] {
  return [
    record(domain, "TXT", `ms-domain-verification=${facts.tenantId}`),
    record(domain, "TXT", `v=spf1 include:${microsoftSpfName} -all`),
    ...selectors.map((selector) => {
      const label = `${selector}-azurecomm-prod-net._domainkey`;
      return record(`${label}.${domain}`, "CNAME", `${label}.${acsDkimZone}`);
    }),
    record(`_dmarc.${domain}`, "TXT", `v=DMARC1; p=none; rua=mailto:dmarc@${domain}`),
  ];
}

/** Facts file 9; the template of the names is unverified. */
function sendgridDomain(domain: string): readonly DnsRecord[] {
  return [
    record(`${sendgridReturnPathLabel}.${domain}`, "CNAME", sendgridHost),
    ...(["s1", "s2"] as const).map((selector) =>
      record(`${selector}._domainkey.${domain}`, "CNAME", `${selector}.domainkey.${sendgridHost}`),
    ),
  ];
}

function sendgrid(facts: WorldFacts): readonly DnsRecord[] {
  return [
    record(sendgridHost, "TXT", `v=spf1 ip4:${outboundAddresses["sendgrid-smtp"]} -all`),
    record(sendgridHost, "MX", "10 mx.sendgrid.example"),
    ...(["s1", "s2"] as const).map((selector) => lazyRecord(`${selector}.domainkey.${sendgridHost}`, facts, `sendgrid-${selector}`)),
  ];
}

function internetDomain(domain: string, index: number, facts: WorldFacts): readonly DnsRecord[] {
  const host = `mx.${domain}`;
  return [
    record(domain, "MX", `10 ${host}`),
    record(domain, "TXT", `v=spf1 a:${host} -all`),
    record(`_dmarc.${domain}`, "TXT", "v=DMARC1; p=reject"),
    ...(domain === stsDomain(facts.internetDomains) ? [record(`_mta-sts.${domain}`, "TXT", stsRecord)] : []),
    ...(index === 0
      ? // RFC 7672 §3.1.1: DANE-EE(3) SPKI(1) SHA-256(1).
        [record(`_25._tcp.${host}`, "TLSA", `3 1 1 ${keyDigest(facts.certificate)}`)]
      : []),
  ];
}

const selectors = ["selector1", "selector2"] as const;
const reverseZones = ["113.0.203.in-addr.arpa", "100.51.198.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"];

/** The tenant's `onmicrosoft` domain; the first domain of a tenant that lists none. */
export function initialDomain(domains: readonly string[]): string {
  return domains.find((domain) => /^[^.]+\.onmicrosoft\./.test(domain)) ?? domains[0] ?? "";
}

function record(name: string, type: RecordType, value: string): DnsRecord {
  return { name, type, ttl: 300, value };
}

function lazyRecord(name: string, { keyRecord }: WorldFacts, key: SigningKeyName): DnsRecord {
  return { name, type: "TXT", ttl: 300, value: () => keyRecord(key) };
}

function keyDigest(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("hex");
}

function pointer(address: string, name: string): DnsRecord {
  return record(reverseName(address), "PTR", name);
}

/** RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName(address: string): string {
  if (!address.includes(":")) return `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
  const [head = "", tail = ""] = address.split("::");
  const [before, after] = [head, tail].map((part) => (part === "" ? [] : part.split(":"))) as [string[], string[]];
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
  const nibbles = groups.map((group) => group.padStart(4, "0")).join("");
  return `${[...nibbles].toReversed().join(".")}.ip6.arpa`;
}
