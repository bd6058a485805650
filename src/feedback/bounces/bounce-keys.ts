import { createSecretKey, randomBytes } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { readJsonFile } from "../../lib/read-json-file.ts";
import { removeHalfWritten, replaceFile } from "../../lib/replace-file.ts";
import type { BounceKey } from "./bounce-token.ts";

/** A key signs for so long; then another one does. */
const signsForMs = 30 * 86_400_000;
const numbers = 256;

interface DatedKey extends BounceKey {
  /** Policy-clock ms. */
  readonly made: number;
}

export interface BounceKeysOptions {
  /** The file; its folder exists. */
  readonly path: string;
  readonly clock: Clock;
  /** How long after a key has signed its last token it is still accepted. */
  readonly keepMs: number;
  readonly onTrouble: (error: unknown) => void;
}

/**
 * The secrets that sign bounce addresses: in a file of the data directory that only its owner can read. A new one is made every 30 days and
 * signs only when it is on disk; the former ones are accepted until what they have signed has run out. The file is replaced whole.
 */
export class BounceKeys implements Disposable {
  readonly #options: BounceKeysOptions;
  /** Oldest first. */
  #keys: readonly DatedKey[];
  #timer: Disposable | null = null;
  #closed = false;

  private constructor(options: BounceKeysOptions, keys: readonly DatedKey[]) {
    this.#options = options;
    this.#keys = keys;
  }

  /** @throws Error when the file cannot be read or written: without the former keys every bounce would be refused as forged. */
  static async open(options: BounceKeysOptions): Promise<BounceKeys> {
    removeHalfWritten(options.path);
    const keys = new BounceKeys(options, await readKeys(options.path));
    await keys.#renew();
    keys.#arm();
    return keys;
  }

  /** Signs now. */
  get current(): BounceKey {
    return this.#keys.at(-1) as DatedKey;
  }

  /** null: there is none, or none any more. */
  byNumber(number: number): BounceKey | null {
    return this.#keys.find((key) => key.number === number) ?? null;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
  }

  async #renew(): Promise<void> {
    const { path, clock, keepMs } = this.#options;
    const now = clock.now();
    const last = this.#keys.at(-1);
    // One that was made in a future that a moved clock has left is as good as any.
    if (last !== undefined && now - last.made < signsForMs) return;
    // A key has signed until its successor was made.
    const kept = this.#keys.filter((_, n) => n + 1 >= this.#keys.length || now - (this.#keys[n + 1] as DatedKey).made < keepMs);
    const next: DatedKey = { number: ((last?.number ?? -1) + 1) % numbers, made: now, secret: createSecretKey(randomBytes(32)) };
    const keys = [...kept, next].slice(-numbers);
    await writeKeys(path, keys);
    this.#keys = keys;
  }

  #arm(): void {
    if (this.#closed) return;
    const due = (this.#keys.at(-1) as DatedKey).made + signsForMs;
    const { clock, onTrouble } = this.#options;
    // Where the disk is full the former key goes on signing; an hour later it is tried again.
    this.#timer = clock.at(Math.max(due, clock.now() + 3_600_000), () => {
      void this.#renew()
        .catch(onTrouble)
        .finally(() => this.#arm());
    });
  }
}

interface StoredKey {
  readonly number: number;
  readonly made: number;
  readonly secret: string;
}

async function readKeys(path: string): Promise<readonly DatedKey[]> {
  const stored = await readJsonFile(path);
  if (stored === undefined) return [];
  if (!Array.isArray(stored) || !stored.every((key) => isStoredKey(key)))
    throw new Error(`${path} does not hold keys; remove it to make new ones: bounces of what was sent before are refused then`);
  return stored.map(({ number, made, secret }: StoredKey) => ({ number, made, secret: createSecretKey(secret, "base64") }));
}

function isStoredKey(value: unknown): value is StoredKey {
  if (typeof value !== "object" || value === null) return false;
  const { number, made, secret } = value as Record<string, unknown>;
  return (
    Number.isInteger(number) &&
    (number as number) >= 0 &&
    (number as number) < numbers &&
    typeof made === "number" &&
    typeof secret === "string" &&
    Buffer.from(secret, "base64").length === 32
  );
}

async function writeKeys(path: string, keys: readonly DatedKey[]): Promise<void> {
  const stored = keys.map(({ number, made, secret }): StoredKey => ({ number, made, secret: secret.export().toString("base64") }));
  await replaceFile(path, `${JSON.stringify(stored, null, 2)}\n`);
}
