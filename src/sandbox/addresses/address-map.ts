import { isIP } from "node:net";
import { plainAddress } from "../../lib/cidr.ts";

/**
 * Which address a client of the loopback stands for: everything runs on loopback, but connectors, SPF and blocklists look at addresses. A
 * client that connects from 127.0.0.9 can be 203.0.113.9 to every room. Part of the set-up, as the tenant is: POST /api/reset leaves it.
 */
export class AddressMap {
  #shown: ReadonlyMap<string, string>;

  constructor(entries: Readonly<Record<string, string>>) {
    this.#shown = new Map(Object.entries(entries));
  }

  /** What rooms see of a peer. */
  shown(peer: string): string {
    const plain = plainAddress(peer);
    return this.#shown.get(plain) ?? plain;
  }

  get entries(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#shown);
  }

  /** Exchanges the whole map; null when something in it is not an IP address (then nothing has changed). */
  replace(entries: Readonly<Record<string, string>>): Readonly<Record<string, string>> | null {
    if (Object.entries(entries).some((pair) => pair.some((address) => isIP(address) === 0))) return null;
    this.#shown = new Map(Object.entries(entries));
    return this.entries;
  }
}
