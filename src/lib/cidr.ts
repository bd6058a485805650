import { BlockList, isIP } from "node:net";
import { LruMap } from "./lru.ts";

/** An address as we compare and show it: IPv4 that came over an IPv6 socket as plain IPv4, without a zone. */
export function plainAddress(address: string): string {
  if (address.startsWith("::ffff:") && address.includes(".")) return address.slice(7);
  const zone = address.indexOf("%");
  return zone < 0 ? address : address.slice(0, zone);
}

/**
 * What counts as one client when failures or connections are counted: an IPv4 address, or an IPv6 /64, because whoever has one address of
 * a /64 has them all.
 */
export function addressGroup(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = tail === undefined ? left : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0"), ...right];
  return `${groups.slice(0, 4).join(":")}::/64`;
}

/** `10.0.0.0/8`, `fd00::/8`, or one address; null when it is neither. */
export function parseCidr(text: string): Cidr | null {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return null;
  const bits = version === 4 ? 32 : 128;
  if (slash < 0) return { address, prefix: bits, family: version === 4 ? "ipv4" : "ipv6" };
  const digits = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits) || Number(digits) > bits) return null;
  return { address, prefix: Number(digits), family: version === 4 ? "ipv4" : "ipv6" };
}

export interface Cidr {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

interface Row<T> {
  readonly list: BlockList;
  /** Prefix length in IPv6 terms, so that both families sort together. */
  readonly length: number;
  readonly value: T;
}

/** How many addresses' answers are remembered. */
const maxRemembered = 10_000;

/** Finds the values of the networks that hold an address. */
export class CidrTable<T> {
  readonly #rows: readonly Row<T>[];
  readonly #remembered = new LruMap<string, readonly T[]>(maxRemembered);

  constructor(entries: Iterable<readonly [cidr: Cidr, value: T]>) {
    const rows: Row<T>[] = [];
    for (const [cidr, value] of entries) {
      const list = new BlockList();
      list.addSubnet(cidr.address, cidr.prefix, cidr.family);
      rows.push({ list, length: cidr.family === "ipv4" ? cidr.prefix + 96 : cidr.prefix, value });
    }
    this.#rows = rows.sort((a, b) => b.length - a.length);
  }

  /** Most specific first. @param address as node:net gives it. */
  find(address: string): readonly T[] {
    const known = this.#remembered.get(address);
    if (known !== undefined) return known;
    const plain = plainAddress(address);
    const family = plain.includes(":") ? "ipv6" : "ipv4";
    const values = this.#rows.filter((row) => row.list.check(plain, family)).map((row) => row.value);
    this.#remembered.set(address, values);
    return values;
  }
}
