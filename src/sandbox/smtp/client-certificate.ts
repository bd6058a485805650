import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { ClientCertificate } from "./room.ts";

/**
 * What the client showed in the handshake; null when it showed nothing. Wall time, as TLS is.
 *
 * @param authorities its chain must lead to one of them; null: it only has to be valid now
 */
export function readCertificate(socket: TLSSocket, authorities: readonly X509Certificate[] | null): ClientCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  // Node's own reading of the subject, one attribute a line: `CN=relay.contoso.example`.
  const commonName = certificate.subject
    .split("\n")
    .find((line) => line.startsWith("CN="))
    ?.slice("CN=".length);
  const names = (certificate.subjectAltName ?? "")
    .split(", ")
    .filter((name) => name.startsWith("DNS:"))
    .map((name) => name.slice("DNS:".length).toLowerCase());
  return { commonName: commonName ?? null, names, distrust: distrustOf(certificate, authorities, Date.now()) };
}

/** The certificates of a PEM file. @throws Error for one that is none */
export function readAuthorities(pem: string): readonly X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((each) => new X509Certificate(each));
}

/** Longer chains are not followed. */
const maxDepth = 8;

/** A word like OpenSSL's; null: it is believed. What a certificate is made for is not asked: nobody has published whether Microsoft does. */
function distrustOf(leaf: X509Certificate, authorities: readonly X509Certificate[] | null, now: number): string | null {
  let current = leaf;
  for (let depth = 0; depth < maxDepth; depth++) {
    if (!isCurrent(current, now)) return now > Date.parse(current.validTo) ? "CERT_HAS_EXPIRED" : "CERT_NOT_YET_VALID";
    if (authorities === null) return null;
    const authority = authorities.find((each) => isIssued(current, each));
    if (authority !== undefined) return isCurrent(authority, now) ? null : "CERT_HAS_EXPIRED";
    // What the client sent beside it; a root stands for itself.
    const issuer: X509Certificate | undefined = current.issuerCertificate;
    if (issuer === undefined || issuer.fingerprint256 === current.fingerprint256) break;
    if (!issuer.ca || !isIssued(current, issuer)) return "INVALID_CA";
    current = issuer;
  }
  return "UNABLE_TO_GET_ISSUER_CERT_LOCALLY";
}

function isIssued(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isCurrent({ validFrom, validTo }: X509Certificate, now: number): boolean {
  return now >= Date.parse(validFrom) && now <= Date.parse(validTo);
}
