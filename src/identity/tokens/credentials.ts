import { createHash } from "node:crypto";
import { SecretUnreadable, type SecretReader } from "../../lib/secret-reader.ts";
import { entraErrors } from "./entra-errors.ts";
import { TokenFailed } from "./token-source.ts";

/** A secret or certificate as it is now. */
export interface Credential<T> {
  readonly label: string;
  readonly value: T;
  /** Wall-clock ms; null: unknown. */
  readonly expiresAt: number | null;
}

/**
 * Tries what stands side by side, the newest first: while one is renewed, whichever works is used. Only a refusal that concerns the
 * credential itself leads to the next.
 */
export class Credentials<T> {
  readonly #identity: string;
  /** Oldest first. @throws SecretUnreadable for one that cannot be read */
  readonly #read: readonly (() => Credential<T>)[];
  #worksWith: string | null = null;

  constructor(identity: string, read: readonly (() => Credential<T>)[]) {
    this.#identity = identity;
    this.#read = read;
  }

  async tryEach<R>(ask: (value: T) => Promise<R>): Promise<R> {
    const refused: string[] = [];
    let last: TokenFailed | null = null;
    for (const read of this.#read.toReversed()) {
      let credential: Credential<T>;
      try {
        credential = read();
      } catch (error) {
        if (!(error instanceof SecretUnreadable)) throw error;
        refused.push(error.message);
        continue;
      }
      try {
        const result = await ask(credential.value);
        this.#worksWith = credential.label;
        return result;
      } catch (error) {
        if (!(error instanceof TokenFailed) || entraErrors[error.code]?.credential !== true) throw error;
        refused.push(`${credential.label}: ${error.code}`);
        last = error;
      }
    }
    this.#worksWith = null;
    if (last === null) throw new TokenFailed("no-secret", `identity ${this.#identity}: ${refused.join("; ")}`, false);
    if (refused.length === 1)
      throw new TokenFailed(last.code, `${last.message} It is the ${refused[0]?.replace(/: \w+$/, "") ?? ""}.`, false);
    throw new TokenFailed(last.code, `${last.message} None of its ${this.#read.length} credentials works (${refused.join("; ")}).`, false);
  }

  worksWith(): string | null {
    return this.#worksWith;
  }

  /** Of the one that works; before one did, of the newest. */
  expiresAt(): number | null {
    const known = this.#readable();
    return (known.find(({ label }) => label === this.#worksWith) ?? known.at(-1))?.expiresAt ?? null;
  }

  #readable(): readonly Credential<T>[] {
    return this.#read.flatMap((read) => {
      try {
        return [read()];
      } catch {
        return [];
      }
    });
  }
}

/** A digest over what the readers give now; one that cannot be read counts as such. */
export function digestOf(readers: readonly SecretReader[]): string {
  const hash = createHash("sha256");
  for (const reader of readers) {
    try {
      hash.update(reader.read()).update("\0");
    } catch {
      hash.update("\x01");
    }
  }
  return hash.digest("base64");
}

/** The end of the day that `expires` names (UTC), or null. */
export function endOf({ expires }: SecretReader): number | null {
  return expires === undefined ? null : Date.parse(`${expires}T00:00:00Z`);
}
