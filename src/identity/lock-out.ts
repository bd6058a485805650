import { addressGroup } from "../lib/cidr.ts";
import { LruMap } from "../lib/lru.ts";
import { TokenBucket } from "../lib/rate.ts";

/**
 * Failed log-ins, counted for each address and for each (address, principal); IPv6 by /64.
 *
 * A count leaks away with time. Nothing is counted for a principal alone, so nobody can lock out somebody else's printer from elsewhere.
 * Bounded: the addresses that failed longest ago are forgotten first.
 */
export interface LockOutLimits {
  readonly perPair: { readonly failures: number; readonly perMs: number };
  readonly perAddress: { readonly failures: number; readonly perMs: number };
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const defaultLockOutLimits: LockOutLimits = {
  perPair: { failures: 5, perMs: 15 * 60_000 },
  perAddress: { failures: 20, perMs: 30 * 60_000 },
  firstDelayMs: 250,
  maxDelayMs: 8_000,
};

const maxEntries = 10_000;
const maxUser = 128;

export class LockOut {
  readonly #limits: LockOutLimits;
  readonly #pairs = new LruMap<string, TokenBucket>(maxEntries);
  readonly #addresses = new LruMap<string, TokenBucket>(maxEntries);

  constructor(limits: LockOutLimits = defaultLockOutLimits) {
    this.#limits = limits;
  }

  isLocked(address: string, user: string, now: number): boolean {
    const group = addressGroup(address);
    return isEmpty(this.#addresses.get(group), now) || isEmpty(this.#pairs.get(pairOf(group, user)), now);
  }

  /** @returns how long the answer should wait. */
  failed(address: string, user: string, now: number): number {
    const group = addressGroup(address);
    const ofAddress = take(this.#addresses, group, this.#limits.perAddress, now);
    const ofPair = take(this.#pairs, pairOf(group, user), this.#limits.perPair, now);
    return this.#delay(Math.max(ofAddress, ofPair));
  }

  /** How long the answer to a locked-out client should wait. */
  lockedDelay(): number {
    return this.#limits.maxDelayMs / 4;
  }

  /** A success clears the pair, but not the address: or one's own account would reset the count for guessing at others. */
  succeeded(address: string, user: string): void {
    this.#pairs.delete(pairOf(addressGroup(address), user));
  }

  #delay(failures: number): number {
    return Math.min(this.#limits.maxDelayMs, this.#limits.firstDelayMs * 2 ** Math.min(20, failures - 1));
  }
}

function pairOf(group: string, user: string): string {
  // A stranger may claim a name of kilobytes, which would be kept; ours have 64 characters at most, so the long ones count as one.
  return `${group} ${user.length > maxUser ? "" : user}`;
}

function isEmpty(bucket: TokenBucket | undefined, now: number): boolean {
  return bucket !== undefined && bucket.wait(now) > 0;
}

/** @returns the failures counted now. */
function take(map: LruMap<string, TokenBucket>, key: string, limit: LockOutLimits["perPair"], now: number): number {
  const bucket = map.get(key) ?? new TokenBucket(limit.failures, limit.perMs, now);
  bucket.take(now);
  map.set(key, bucket);
  return bucket.used(now);
}
