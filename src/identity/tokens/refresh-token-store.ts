import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeHalfWritten, replaceFile } from "../../lib/replace-file.ts";
import type { SecretReader } from "../../lib/secret-reader.ts";
import { syncFolder } from "../../lib/sync-folder.ts";

/**
 * Refresh tokens at rest: one file an identity in the data directory, encrypted with AES-256-GCM under a key given by reference; the
 * identity's name is bound in, so that files cannot change places. A kill at any moment leaves the former or the new one
 * (lib/replace-file.ts).
 */
export class RefreshTokenStore {
  readonly #folder: string;
  readonly #key: SecretReader | undefined;

  constructor(dataDirectory: string, key: SecretReader | undefined) {
    this.#folder = join(dataDirectory, tokensFolder);
    this.#key = key;
  }

  async read(
    name: string,
  ): Promise<{ readonly ok: true; readonly token: string } | { readonly ok: false; readonly why: "absent" | "unreadable" }> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#file(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { ok: false, why: "absent" };
      throw error;
    }
    try {
      const header = bytes.subarray(0, magic.length);
      if (!header.equals(magic) || bytes.length < 52) return { ok: false, why: "unreadable" };
      const salt = bytes.subarray(8, 24);
      const decipher = createDecipheriv("aes-256-gcm", this.#derive(salt), bytes.subarray(24, 36), { authTagLength: 16 });
      decipher.setAAD(Buffer.from(name, "utf8")).setAuthTag(bytes.subarray(36, 52));
      const token = Buffer.concat([decipher.update(bytes.subarray(52)), decipher.final()]).toString("utf8");
      return { ok: true, token };
    } catch {
      return { ok: false, why: "unreadable" };
    }
  }

  async write(name: string, token: string): Promise<void> {
    const salt = randomBytes(16);
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#derive(salt), nonce).setAAD(Buffer.from(name, "utf8"));
    const sealed = Buffer.concat([cipher.update(token, "utf8"), cipher.final()]);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.#file(name);
    await replaceFile(file, Buffer.concat([magic, salt, nonce, cipher.getAuthTag(), sealed]));
    await syncFolder(dirname(this.#folder));
  }

  /** Removes what kills have left half-written. At start only: nobody may be writing. */
  tidy(names: Iterable<string>): void {
    for (const name of names) removeHalfWritten(this.#file(name));
  }

  /** Changes when the file does. */
  version(name: string): string {
    try {
      const { mtimeMs, ino } = statSync(this.#file(name));
      return `${mtimeMs} ${ino}`;
    } catch {
      return "";
    }
  }

  #file(name: string): string {
    return join(this.#folder, `${name}.token`);
  }

  /** RFC 5869: the key given may have any length. */
  #derive(salt: Uint8Array): Buffer {
    if (this.#key === undefined) throw new Error("there is no tokenStore.key");
    return Buffer.from(hkdfSync("sha256", this.#key.read(), salt, "postern refresh tokens", 32));
  }
}

/** Of the data directory. */
export const tokensFolder = "tokens";

const magic = Buffer.from("postok1\n", "latin1");
