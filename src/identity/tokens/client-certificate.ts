import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { SecretUnreadable, type SecretReader } from "../../lib/secret-reader.ts";
import { Credentials, digestOf, type Credential } from "./credentials.ts";
import { askEntra, type EntraPlace } from "./entra-client.ts";
import type { Grant } from "./grant.ts";
import type { ClientCertificateOptions } from "./options.ts";

interface KeyPair {
  readonly thumbprintSha256: string;
  readonly privateKey: string;
  readonly x5c: string;
}

/** RFC 7523 §2.2: client credentials with an assertion that a certificate's key has signed. */
export function clientCertificateGrant({ certificates }: ClientCertificateOptions, place: EntraPlace): Grant {
  const credentials = new Credentials(
    place.identity,
    certificates.map(
      ({ cert, key }) =>
        () =>
          readPair(cert, key),
    ),
  );
  return {
    kind: "client-certificate",
    authority: place.authority,
    tenant: place.tenant,
    clientId: place.clientId,
    ask: (scope, signal) =>
      credentials.tryEach((clientCertificate) =>
        askEntra(place, { clientCertificate }, (app) => app.acquireTokenByClientCredential({ scopes: [scope], skipCache: true }), signal),
      ),
    fingerprint: () => digestOf(certificates.flatMap(({ cert, key }) => [cert, key])),
    credentialExpiresAt: () => credentials.expiresAt(),
    worksWith: () => credentials.worksWith(),
  };
}

/** Reads both anew; what does not fit together counts as unreadable, so that a half-replaced pair does not stop the older one. */
function readPair(cert: SecretReader, key: SecretReader): Credential<KeyPair> {
  const pem = cert.read();
  const privateKey = key.read();
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
    if (!certificate.checkPrivateKey(createPrivateKey(privateKey))) throw new Error("does not fit");
  } catch {
    throw new SecretUnreadable(`the ${cert.label} is no certificate that fits the ${key.label}`);
  }
  if (certificate.publicKey.asymmetricKeyType !== "rsa")
    throw new SecretUnreadable(`the ${cert.label} has no RSA key, and Entra takes no other`);
  const thumbprintSha256 = createHash("sha256").update(certificate.raw).digest("hex").toUpperCase();
  return { label: cert.label, value: { thumbprintSha256, privateKey, x5c: pem }, expiresAt: Date.parse(certificate.validTo) };
}
