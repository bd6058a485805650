import { createPrivateKey, createPublicKey } from "node:crypto";

/**
 * The TXT record of a key (RFC 6376 §3.6.1; RFC 8463 §4: for Ed25519 the bare 32 bytes), to be published at `selector._domainkey.domain`.
 *
 * @param pem the private key
 */
export function dkimRecord(pem: string): string {
  const publicKey = createPublicKey(createPrivateKey(pem));
  if (publicKey.asymmetricKeyType === "rsa")
    return `v=DKIM1; k=rsa; p=${publicKey.export({ type: "spki", format: "der" }).toString("base64")}`;
  const { x } = publicKey.export({ format: "jwk" });
  return `v=DKIM1; k=ed25519; p=${Buffer.from(x ?? "", "base64url").toString("base64")}`;
}
