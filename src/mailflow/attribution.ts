/**
 * Whose mail is it? Message attribution at a tenant's MX, as Microsoft describes it (and calls the description slightly simplified).
 *
 * Phase A asks whether the message *originates* in the tenant: an enabled connector of type OnPremises is looked for by the client's
 * certificate, over all names in it, the most exact first; the domain of the name must be an accepted domain. Only then by address; then the
 * domain of MAIL FROM must be one. Whoever is found here may relay to the internet. Phase B is *incoming* mail for a recipient of the tenant: a
 * Partner connector is looked for by the sender's domain and then by its restrictions; without one the invisible default connector has it.
 * Certificate beats address, OnPremises comes before Partner, and Partner never grants relay.
 *
 * MS "Office 365 Message Attribution" (2019-07-11), MC1226222 (2026-02), Learn "Updated requirements for SMTP relay" (2023-11-01).
 */
import { BlockList } from "node:net";
import { matchesDomain } from "../mail/address.ts";
import { parseCidr } from "../lib/cidr.ts";

/** An inbound connector as far as attribution asks; names are Microsoft's own. */
export interface ConnectorFacts {
  readonly name: string;
  readonly enabled: boolean;
  readonly connectorType: "OnPremises" | "Partner";
  /** `smtp:*;1` as stored. */
  readonly senderDomains: readonly string[];
  /** IPv4, single or /24 to /32. */
  readonly senderIPAddresses: readonly string[];
  readonly tlsSenderCertificateName: string | null;
  readonly requireTls: boolean;
  readonly restrictDomainsToIPAddresses: boolean;
  readonly restrictDomainsToCertificate: boolean;
  readonly associatedAcceptedDomains: readonly string[];
}

/** What the session shows. */
export interface Evidence {
  readonly address: string;
  readonly tls: boolean;
  /** Common name and alternative names of the client's certificate; empty when it showed none. */
  readonly certificateNames: readonly string[];
  /** Of MAIL FROM, lower case; empty for the null reverse-path. */
  readonly senderDomain: string;
}

export interface Originating<C> {
  readonly connector: C;
  readonly by: "certificate" | "ip";
}

/** Phase A; null: not originating. */
export function findOriginating<C extends ConnectorFacts>(
  connectors: readonly C[],
  evidence: Evidence,
  isAccepted: (domain: string) => boolean,
): Originating<C> | null {
  const candidates = connectors.filter((connector) => connector.enabled && connector.connectorType === "OnPremises");
  const byCertificate = best(
    candidates.filter((connector) => connector.requireTls),
    (connector) => {
      const { tlsSenderCertificateName: wanted } = connector;
      if (wanted === null || !evidence.certificateNames.some((name) => isCertificateName(wanted, name))) return 0;
      const domain = acceptedParent(wanted.replace(/^\*\./, "").toLowerCase(), isAccepted);
      if (domain === null || !mayUse(connector, evidence.senderDomain === "" ? domain : evidence.senderDomain)) return 0;
      return exactness(wanted);
    },
  );
  if (byCertificate !== null) return { connector: byCertificate, by: "certificate" };
  if (evidence.senderDomain === "" || !isAccepted(evidence.senderDomain)) return null;
  const byAddress = best(candidates, (connector) =>
    mayUse(connector, evidence.senderDomain) ? narrowestNetwork(connector.senderIPAddresses, evidence.address) : 0,
  );
  return byAddress === null ? null : { connector: byAddress, by: "ip" };
}

export type Incoming<C> =
  | { readonly kind: "partner"; readonly connector: C; readonly by: "certificate" | "ip" | "sender-domain" }
  | { readonly kind: "default" }
  /** A Partner connector has the sender's domain and its restriction is not met. */
  | { readonly kind: "locked-out"; readonly connector: C }
  | { readonly kind: "needs-tls"; readonly connector: C };

/** Phase B, for a recipient of the tenant. */
export function findIncoming<C extends ConnectorFacts>(connectors: readonly C[], evidence: Evidence): Incoming<C> {
  const candidates = connectors
    .filter((connector) => connector.enabled && connector.connectorType === "Partner" && hasSender(connector, evidence.senderDomain))
    .map((connector) => ({ connector, by: partnerMatch(connector, evidence) }));
  for (const by of ["certificate", "ip", "sender-domain"] as const) {
    const found = candidates.find((candidate) => candidate.by === by);
    if (found === undefined) continue;
    if (found.connector.requireTls && !evidence.tls) return { kind: "needs-tls", connector: found.connector };
    return { kind: "partner", connector: found.connector, by };
  }
  const [refused] = candidates;
  if (refused === undefined) return { kind: "default" };
  return { kind: refused.connector.requireTls && !evidence.tls ? "needs-tls" : "locked-out", connector: refused.connector };
}

/** null: its restrictions keep this source out. */
function partnerMatch(connector: ConnectorFacts, evidence: Evidence): "certificate" | "ip" | "sender-domain" | null {
  const wanted = connector.tlsSenderCertificateName;
  const hasCertificate = wanted !== null && evidence.certificateNames.some((name) => isCertificateName(wanted, name));
  const hasAddress = narrowestNetwork(connector.senderIPAddresses, evidence.address) > 0;
  if (connector.restrictDomainsToCertificate && !hasCertificate) return null;
  if (connector.restrictDomainsToIPAddresses && !hasAddress) return null;
  if (connector.restrictDomainsToCertificate) return "certificate";
  // PS Set-InboundConnector: addresses of a Partner connector count only with RestrictDomainsToIPAddresses, the name only with RequireTls.
  if (connector.restrictDomainsToIPAddresses) return "ip";
  return connector.requireTls && hasCertificate ? "certificate" : "sender-domain";
}

/** MS Set-InboundConnector: `*.contoso.com` stands for the domain and all its sub-domains; a wildcard certificate shows the same text. */
export function isCertificateName(wanted: string, shown: string): boolean {
  const [pattern, name] = [wanted.toLowerCase(), shown.toLowerCase()];
  return pattern === name || (pattern.startsWith("*.") && (name === pattern.slice(2) || name.endsWith(pattern.slice(1))));
}

/** `smtp:*.fabrikam.com;1` as stored; the null reverse-path fits only `*`. */
function hasSender({ senderDomains }: ConnectorFacts, domain: string): boolean {
  return senderDomains.some((stored) => {
    const pattern = stored
      .replace(/^smtp:/i, "")
      .replace(/;\d+$/, "")
      .toLowerCase();
    return pattern === "*" || (domain !== "" && matchesDomain(pattern, domain));
  });
}

function mayUse({ associatedAcceptedDomains }: ConnectorFacts, domain: string): boolean {
  return associatedAcceptedDomains.length === 0 || associatedAcceptedDomains.some((one) => one.toLowerCase() === domain);
}

/** The name's domain is the name itself or one above it. */
function acceptedParent(name: string, isAccepted: (domain: string) => boolean): string | null {
  for (let at = name; at.includes("."); at = at.slice(at.indexOf(".") + 1)) if (isAccepted(at)) return at;
  return null;
}

/** An exact name is better than any wildcard, a longer wildcard better than a shorter one. */
function exactness(wanted: string): number {
  return wanted.startsWith("*.") ? wanted.length : 1000 + wanted.length;
}

/** Prefix length of the narrowest network that holds the address, 0 for none. MS New-InboundConnector: IPv4 only, /24 to /32. */
function narrowestNetwork(networks: readonly string[], address: string): number {
  if (address.includes(":")) return 0;
  let narrowest = 0;
  for (const network of networks) {
    const cidr = parseCidr(network);
    if (cidr === null || cidr.family !== "ipv4" || cidr.prefix < 24 || cidr.prefix <= narrowest) continue;
    const list = new BlockList();
    list.addSubnet(cidr.address, cidr.prefix);
    if (list.check(address)) narrowest = cidr.prefix;
  }
  return narrowest;
}

function best<C>(candidates: readonly C[], worth: (candidate: C) => number): C | null {
  let found: C | null = null;
  let most = 0;
  for (const candidate of candidates) {
    const value = worth(candidate);
    if (value > most) [found, most] = [candidate, value];
  }
  return found;
}
