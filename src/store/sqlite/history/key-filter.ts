import { domainOf, canonicalAddress } from "../../../mail/address.ts";
import type { TraceQuery } from "../../../queue/archive.ts";
import type { Story } from "./story.ts";

/**
 * Which messages a chunk may hold: a Bloom filter over their keys. A row of an index for each message, its sender and its recipients would
 * cost several random page writes a message; this costs 2 bytes a key, and a look at all of a day with 100,000 messages reads 1 MB.
 */
const bitsPerKey = 16;
const probes = 4;

export function idKey(id: number): string {
  return `i${id}`;
}

/** Every key by which a story can be found. */
export function keysOf(story: Pick<Story, "id"> & Partial<Story>): readonly string[] {
  if (story.recipients === undefined) return [idKey(story.id)];
  const keys = new Set([idKey(story.id), `m${story.messageIdField ?? ""}`]);
  if (story.reversePath === null) keys.add("s<>");
  else addAddress(keys, "s", story.reversePath ?? "");
  for (const { address } of story.recipients) addAddress(keys, "r", address);
  return [...keys];
}

/** Keys of which all must be there for a story to fit; none when the query cannot be narrowed. */
export function keysOfQuery(query: TraceQuery): readonly string[] {
  const keys: string[] = [];
  if (query.messageIdField !== undefined) keys.push(`m${query.messageIdField}`);
  for (const [kind, pattern] of [
    ["s", query.sender],
    ["r", query.recipient],
  ] as const) {
    const key = pattern === undefined ? null : keyOfPattern(kind, pattern);
    if (key !== null) keys.push(key);
  }
  return keys;
}

export function buildFilter(keys: ReadonlySet<string>): Uint8Array {
  const filter = new Uint8Array(Math.max(8, Math.ceil((keys.size * bitsPerKey) / 8)));
  const bits = filter.length * 8;
  for (const key of keys) {
    const [first, step] = hashes(key);
    for (let i = 0; i < probes; i++) {
      const bit = (first + i * step) % bits;
      filter[bit >> 3] = (filter[bit >> 3] as number) | (1 << (bit & 7));
    }
  }
  return filter;
}

export function mayHold(filter: Uint8Array, key: string): boolean {
  const bits = filter.length * 8;
  const [first, step] = hashes(key);
  for (let i = 0; i < probes; i++) {
    const bit = (first + i * step) % bits;
    if (((filter[bit >> 3] as number) & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}

function addAddress(keys: Set<string>, kind: "s" | "r", address: string): void {
  keys.add(kind + canonicalAddress(address));
  keys.add(`${kind}@${domainOf(address)}`);
}

/** See matchesAddress: sub-domain patterns and `*` have no key. */
function keyOfPattern(kind: "s" | "r", pattern: string): string | null {
  const wanted = pattern.toLowerCase();
  if (wanted === "<>") return `${kind}<>`;
  if (wanted.includes("*")) return null;
  return wanted.lastIndexOf("@") > 0 ? kind + wanted : `${kind}@${wanted.slice(wanted.lastIndexOf("@") + 1)}`;
}

/** FNV-1a twice, with different beginnings. The files hold what it made: a change needs another column. */
function hashes(key: string): readonly [first: number, step: number] {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x01000193);
  }
  a ^= a >>> 15;
  b ^= b >>> 13;
  return [a >>> 0, (b | 1) >>> 0];
}
