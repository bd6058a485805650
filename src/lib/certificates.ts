import { randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
/**
 * Certificates for the demo and for tests: a certificate authority of its own and server certificates signed by it.
 *
 * The authority is name-constrained (RFC 5280 §4.2.1.10) to `localhost`, `*.example`, 127.0.0.0/8 and ::1, and may sign no further authority:
 * somebody who tells a browser to trust it has not given anybody who reads the data directory power over other names. ECDSA P-256.
 * The X.509 library takes a tenth of a second to load: it is, when a certificate is made.
 */
export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PKCS #8, PEM. Secret. */
  readonly key: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const dayMs = 86_400_000;
/** Clocks of clients may be a little behind. */
const backdatedMs = dayMs;
/** Longest that clients accept from an authority they were told to trust. */
const serverLifeMs = 397 * dayMs;
const authorityLifeMs = 3650 * dayMs;

/** A new authority. Times are wall time: TLS is never on the policy clock. */
export async function createAuthority(commonName: string): Promise<Certificate> {
  const x509 = await import("@peculiar/x509");
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    ...validity(authorityLifeMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.Extension("2.5.29.30", true, nameConstraints()),
    ],
  });
  return { cert: certificate.toString("pem"), key: await pem(keys.privateKey) };
}

/** A certificate for a server. @param names host names and IP addresses; the first is its common name. */
export async function createServerCertificate(authority: Certificate, names: readonly string[]): Promise<Certificate> {
  const x509 = await import("@peculiar/x509");
  const [first = "localhost"] = names;
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [first] }],
    issuer: issuer.subjectName,
    ...validity(serverLifeMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey("pkcs8", der(authority.key), algorithm, false, ["sign"]),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((name) => ({ type: isIP(name) === 0 ? "dns" : "ip", value: name }))),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { cert: certificate.toString("pem"), key: await pem(keys.privateKey) };
}

/** Writes `PATH.pem` and `PATH.key`, readable by the owner only. Never overwrites. */
export async function writeCertificate(path: string, certificate: Certificate): Promise<void> {
  await writeFile(`${path}.key`, certificate.key, { mode: 0o600, flag: "wx" });
  await writeFile(`${path}.pem`, certificate.cert, { mode: 0o600, flag: "wx" });
}

/** What `writeCertificate` wrote; null when there is none or it ends within a month. */
export async function readCertificate(path: string): Promise<Certificate | null> {
  try {
    const cert = await readFile(`${path}.pem`, "utf8");
    const key = await readFile(`${path}.key`, "utf8");
    return new X509Certificate(cert).validToDate.getTime() < Date.now() + 30 * dayMs ? null : { cert, key };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function validity(lifeMs: number): { notBefore: Date; notAfter: Date } {
  const notBefore = Date.now() - backdatedMs;
  return { notBefore: new Date(notBefore), notAfter: new Date(notBefore + lifeMs) };
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets, not to be guessed. */
function serialNumber(): string {
  return `01${randomBytes(15).toString("hex")}`;
}

/** NameConstraints with permitted subtrees; every length here is below 128, so one octet. */
function nameConstraints(): Uint8Array {
  const subtrees = [
    dnsSubtree("localhost"),
    dnsSubtree("example"),
    tagged(0x87, Buffer.from([127, 0, 0, 0, 255, 0, 0, 0])),
    tagged(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1]), Buffer.alloc(16, 0xff)])),
  ];
  return tagged(0x30, tagged(0xa0, Buffer.concat(subtrees.map((base) => tagged(0x30, base)))));
}

function dnsSubtree(name: string): Buffer {
  return tagged(0x82, Buffer.from(name, "ascii"));
}

function tagged(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  const text = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${text.replace(/.{64}(?=.)/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}

function der(text: string): Buffer {
  return Buffer.from(text.replace(/-----[^-]+-----|\s/g, ""), "base64");
}
