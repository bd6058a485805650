import { X509Certificate } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, createServerCertificate, readCertificate, writeCertificate, type Certificate } from "../../lib/certificates.ts";

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface DemoCertificates {
  /** The PEM that clients trust. */
  readonly caFile: string;
  readonly gateway: CertificateFiles;
  readonly sandbox: CertificateFiles;
}

const loopback = ["localhost", "127.0.0.1", "::1"];
const names = {
  gateway: [...loopback, "gateway.contoso.example"],
  sandbox: [
    ...loopback,
    "mx.contoso.example",
    "mx.fabrikam.example",
    "*.contoso.example",
    "*.fabrikam.example",
    "*.outlook.example",
    "*.gmail.example",
  ],
} as const;

/** DIR/ca.pem and the certificates under DIR/tls that it signed, made where they are missing or about to end. */
export async function ensureCertificates(dataDirectory: string): Promise<DemoCertificates> {
  const folder = join(dataDirectory, "tls");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ca = join(dataDirectory, "ca");
  let authority = await readCertificate(ca);
  if (authority === null) {
    // What an old authority signed is worth nothing under a new one.
    for (const path of [ca, join(folder, "gateway"), join(folder, "sandbox")]) remove(path);
    authority = await createAuthority("Postern demo CA");
    await writeCertificate(ca, authority);
  }
  return { caFile: `${ca}.pem`, gateway: await ensure(folder, "gateway", authority), sandbox: await ensure(folder, "sandbox", authority) };
}

async function ensure(folder: string, name: keyof typeof names, authority: Certificate): Promise<CertificateFiles> {
  const path = join(folder, name);
  const known = await readCertificate(path);
  // A data directory of an older version has a certificate with fewer names.
  const lacks = known === null ? [] : names[name].filter((each) => !subjectNames(known.cert).includes(each));
  if (known === null || lacks.length > 0) {
    remove(path);
    await writeCertificate(path, await createServerCertificate(authority, names[name]));
  }
  return { certFile: `${path}.pem`, keyFile: `${path}.key` };
}

function remove(path: string): void {
  rmSync(`${path}.pem`, { force: true });
  rmSync(`${path}.key`, { force: true });
}

function subjectNames(pem: string): readonly string[] {
  return (new X509Certificate(pem).subjectAltName ?? "")
    .split(", ")
    .map((entry) => entry.replace(/^(?:DNS|IP Address):/, "").replace("0:0:0:0:0:0:0:1", "::1"));
}
