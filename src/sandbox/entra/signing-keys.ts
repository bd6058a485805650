import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type JsonWebKey, type KeyObject } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";

/**
 * The keys that sign tokens, kept in the data directory so that tokens outlive a restart. The first signs; the others are published until
 * they go. `roll` puts a new one in front, as Entra does from time to time: a resource that keeps the key set must fetch it again.
 */
interface KeptKeys {
  readonly keys: readonly { readonly kid: string; readonly jwk: JsonWebKey }[];
  /** Base64; seals refresh tokens. */
  readonly seal: string;
}

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Old ones beyond these are forgotten. */
const keptKeys = 3;

export class SigningKeys {
  readonly #path: string;
  #kept: KeptKeys;
  /** null: there are none yet. */
  #opened: readonly SigningKey[] | null;

  constructor(path: string) {
    this.#path = path;
    const kept = read(path);
    this.#kept = kept ?? { keys: [], seal: randomBytes(32).toString("base64") };
    this.#opened = kept === null ? null : kept.keys.map(open);
  }

  /** The one that signs. */
  get current(): SigningKey {
    const [first] = this.#keys;
    if (first === undefined) throw new Error(`${this.#path} holds no key: remove it`);
    return first;
  }

  get seal(): Buffer {
    // Kept with the keys.
    void this.#keys;
    return Buffer.from(this.#kept.seal, "base64");
  }

  /** The first is made when it is first needed: it takes a tenth of a second. */
  get #keys(): readonly SigningKey[] {
    if (this.#opened === null) this.#keep({ ...this.#kept, keys: [newKey()] });
    return (this.#opened ??= this.#kept.keys.map(open));
  }

  find(kid: string | undefined): SigningKey | null {
    return this.#keys.find((key) => key.kid === kid) ?? null;
  }

  /** RFC 7517 §5: the key set as it is published. Entra names x5t and x5c too; there are no certificates here, so x5c is left out. */
  published(): readonly JsonWebKey[] {
    return this.#keys.map(({ kid, publicKey }) => ({ ...publicKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid, x5t: kid }));
  }

  roll(): SigningKey {
    this.#keep({ ...this.#kept, keys: [newKey(), ...this.#kept.keys].slice(0, keptKeys) });
    this.#opened = this.#kept.keys.map(open);
    return this.current;
  }

  #keep(kept: KeptKeys): void {
    this.#kept = kept;
    writeFileSync(`${this.#path}.tmp`, JSON.stringify(kept), { mode: 0o600 });
    renameSync(`${this.#path}.tmp`, this.#path);
  }
}

function read(path: string): KeptKeys | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as KeptKeys;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new Error(`${path} does not hold Entra's keys: remove it to make new ones`, { cause: error });
  }
}

function newKey(): KeptKeys["keys"][number] {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { kid: randomBytes(20).toString("base64url"), jwk: privateKey.export({ format: "jwk" }) };
}

function open({ kid, jwk }: KeptKeys["keys"][number]): SigningKey {
  const privateKey = createPrivateKey({ key: jwk, format: "jwk" });
  return { kid, privateKey, publicKey: createPublicKey(privateKey) };
}
