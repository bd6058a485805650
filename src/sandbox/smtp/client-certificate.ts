import type { TLSSocket } from "node:tls";
import type { ClientCertificate } from "./room.ts";

/** What the client showed in the handshake; null when it showed nothing. */
export function readCertificate(socket: TLSSocket): ClientCertificate | null {
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
  return { commonName: commonName ?? null, names, der: certificate.raw };
}
