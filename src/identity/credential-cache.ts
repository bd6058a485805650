import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { addressGroup } from "../lib/cidr.ts";
import { LruMap } from "../lib/lru.ts";

/** How long a verified credential is believed without hashing again. */
const lifeMs = 5 * 60_000;
const maxCredentials = 10_000;
const maxPairs = 10_000;

/**
 * What has been verified lately, under an HMAC whose key lives as long as the process: neither a password nor its hash is kept.
 *
 * Two memories. *Credentials*, for minutes, spare the 35 ms of hashing. *Familiar* pairs of address and principal last until they are
 * crowded out: from such an address the credential that was good before stays good while a lock holds, so that nobody who shares the
 * address with a printer can lock it out.
 */
export class CredentialCache {
  readonly #key = randomBytes(32);
  readonly #until = new LruMap<string, number>(maxCredentials);
  readonly #familiar = new LruMap<string, Buffer>(maxPairs);

  digest(user: string, password: string): Buffer {
    // A length before the name keeps ("ab", "c") and ("a", "bc") apart.
    return createHmac("sha256", this.#key).update(`${user.length}:${user}${password}`).digest();
  }

  isFresh(digest: Buffer, now: number): boolean {
    const until = this.#until.get(digest.toString("latin1"));
    return until !== undefined && until > now && until - now <= lifeMs;
  }

  isFamiliar(address: string, user: string, digest: Buffer): boolean {
    const known = this.#familiar.get(`${addressGroup(address)} ${user}`);
    return known !== undefined && timingSafeEqual(known, digest);
  }

  remember(address: string, user: string, digest: Buffer, now: number): void {
    this.#until.set(digest.toString("latin1"), now + lifeMs);
    this.seen(address, user, digest);
  }

  seen(address: string, user: string, digest: Buffer): void {
    this.#familiar.set(`${addressGroup(address)} ${user}`, digest);
  }
}
