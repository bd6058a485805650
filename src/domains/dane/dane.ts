import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { isUsable, matchTlsa, type TlsaVerdict } from "./tlsa-match.ts";
import type { Dns, DnsAnswer, TlsaRecord } from "../../lib/dns/dns.ts";

/**
 * DANE for SMTP (RFC 7672): what TLSA records, signed with DNSSEC, demand of a mail server.
 *
 * Everything rests on `authentic`, which only a trusted, validating resolver can give. An answer that is not authentic means *no DANE*
 * (§2.2); a look-up that fails means *do not send there* (§2.1.2: an attacker who can only break the look-up must not be able to switch DANE off),
 * so DnsFailed goes through to the caller.
 */
export interface DaneDemand {
  /** The TLSA base domain: sent as SNI (RFC 7672 §8.1). */
  readonly baseDomain: string;
  /** Usable ones; empty: there are only unusable ones, so TLS is demanded and no certificate (RFC 7672 §2.2). */
  readonly records: readonly TlsaRecord[];
}

/**
 * The demand for one mail server whose name came from an authentic MX answer (or is the domain itself); null: none.
 *
 * @throws DnsFailed
 */
export async function lookUpDane(
  dns: Pick<Dns, "addresses" | "cname" | "tlsa">,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<DaneDemand | null> {
  // RFC 7672 §2.2.2: servers of zones that are not signed may not even answer for TLSA; so they are not asked.
  if (!(await dns.addresses(host, signal)).authentic) return null;
  const alias = await dns.cname(host, signal);
  // RFC 7672 §2.2.3: of an alias first the name that it stands for.
  const target = alias.authentic ? alias.records[0] : undefined;
  for (const name of target === undefined ? [host] : [target, host]) {
    const answer: DnsAnswer<TlsaRecord> = await dns.tlsa(`_${port}._tcp.${name}`, signal);
    if (!answer.authentic || answer.records.length === 0) continue;
    return { baseDomain: name, records: answer.records.filter(isUsable) };
  }
  return null;
}

/** Judges the certificates of a finished handshake. @param names for usage 2 */
export function judgePeer(demand: DaneDemand, socket: TLSSocket, names: readonly string[], now: number): TlsaVerdict {
  if (demand.records.length === 0) return "match";
  return matchTlsa(demand.records, peerChain(socket), names, now);
}

/** What the server sent, its own certificate first. */
function peerChain(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < 10) {
    chain.push(certificate);
    const issuer: X509Certificate | undefined = certificate.issuerCertificate;
    if (issuer === undefined || issuer.fingerprint256 === certificate.fingerprint256) break;
    certificate = issuer;
  }
  return chain;
}
