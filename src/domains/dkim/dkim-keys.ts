import { createPrivateKey } from "node:crypto";
import type { DomainOptions } from "../options.ts";
import type { DkimKey } from "./dkim-signer.ts";

/** The keys of the configuration. @throws Error for what is no key, or too weak a one (RFC 8301 §3.2) */
export function dkimKeys(domains: readonly DomainOptions[]): readonly DkimKey[] {
  return domains.flatMap(({ name, dkim }) =>
    dkim.map(({ selector, key, from, until }): DkimKey => ({
      domain: name,
      selector,
      key,
      algorithm: algorithmOf(key),
      ...(from === undefined ? {} : { from: Date.parse(`${from}T00:00:00Z`) }),
      ...(until === undefined ? {} : { until: Date.parse(`${until}T00:00:00Z`) }),
    })),
  );
}

/** @throws Error with a sentence, never with anything of the key */
export function algorithmOf(pem: string): DkimKey["algorithm"] {
  let key;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new Error("is not the PEM of a private key");
  }
  if (key.asymmetricKeyType === "ed25519") return "ed25519";
  if (key.asymmetricKeyType !== "rsa") throw new Error("is neither an RSA nor an Ed25519 key");
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) throw new Error("is an RSA key of less than 2048 bits");
  return "rsa";
}
