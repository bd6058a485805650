import { LruMap } from "../../lib/lru.ts";

/** How long an address is remembered. */
const lifeMs = 24 * 3_600_000;
const maxAddresses = 10_000;

/**
 * Addresses whose TLS ClientHello crossed our plain greeting on its way. Some devices (older HP scanners among them) speak TLS at once on a
 * STARTTLS port; a greeting that leaves first breaks their handshake. The next time such an address connects, its greeting waits a little
 * for the ClientHello; nobody else's greeting waits.
 */
export class HelloMemory {
  readonly #until = new LruMap<string, number>(maxAddresses);

  remember(address: string, now: number): void {
    this.#until.set(address, now + lifeMs);
  }

  has(address: string, now: number): boolean {
    if (this.#until.size === 0) return false;
    const until = this.#until.get(address);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#until.delete(address);
    return false;
  }
}
