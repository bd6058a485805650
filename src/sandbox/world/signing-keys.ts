import { createPrivateKey, createPublicKey, generateKeyPair } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** The keys that services sign with. Of two selectors one is in use; the other waits for a rotation. */
export const signingKeyNames = ["exo-selector1", "exo-selector2", "acs-selector1", "acs-selector2", "sendgrid-s1", "sendgrid-s2"] as const;
export type SigningKeyName = (typeof signingKeyNames)[number];

const makeKeyPair = promisify(generateKeyPair);

/**
 * DKIM keys of the emulated services: RSA with 2048 bits, as the services have. Each is made when it is first needed (a tenth of a second, off
 * the main thread) and kept in the data directory, so that what was published yesterday still verifies.
 */
export class SigningKeys {
  readonly #folder: string;
  readonly #keys = new Map<SigningKeyName, Promise<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** PKCS #8, PEM. */
  privateKey(name: SigningKeyName): Promise<string> {
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = this.#readOrMake(name);
      this.#keys.set(name, key);
      // A full disk now may be roomy later.
      key.catch(() => this.#keys.delete(name));
    }
    return key;
  }

  /** The key record (RFC 6376 §3.6.1). */
  async record(name: SigningKeyName): Promise<string> {
    const key = createPublicKey(createPrivateKey(await this.privateKey(name)));
    return `v=DKIM1; k=rsa; p=${key.export({ type: "spki", format: "der" }).toString("base64")}`;
  }

  async #readOrMake(name: SigningKeyName): Promise<string> {
    const path = join(this.#folder, `${name}.key`);
    try {
      return await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    const { privateKey } = await makeKeyPair("rsa", { modulusLength: 2048 });
    const text = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(`${path}.tmp`, text, { mode: 0o600 });
    await rename(`${path}.tmp`, path);
    return text;
  }
}
