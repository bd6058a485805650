import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";
import { decodeBase32, encodeBase32 } from "../../lib/base32.ts";
import { canonicalAddress, domainOf } from "../../mail/address.ts";

/**
 * What stands behind `b+` in a bounce address: which message it is about, whom it was sent to, and the day, under a signature, so that
 * nobody else can make one. 25 bytes, 40 characters of base 32:
 *
 *     0      form, now 1, and in its lowest bit whether it speaks of one recipient or of a domain's
 *     1      number of the key
 *     2–3    day since 2025-01-01
 *     4–10   id of the message
 *     11–13  digest of the recipient's address, or of `@domain` when several of a domain share the transaction
 *     14–24  HMAC-SHA-256 of all that and the bounce domain, the first 88 bits: a guess a microsecond would take longer than the sun has
 *
 * Pure: keys and time come in. The whole local part has 42 octets of the 64 that RFC 5321 §4.5.3.1.1 allows; nothing in it depends on case,
 * because some hosts fold it.
 */
export interface BounceToken {
  readonly messageId: number;
  /** Since 2025-01-01, UTC. */
  readonly day: number;
  readonly single: boolean;
  readonly digest: Buffer;
  readonly key: BounceKey;
}

export interface BounceKey {
  /** 0 to 255, in the token. */
  readonly number: number;
  /** 32 bytes; a KeyObject, because a signature by it takes 5 µs and by a Buffer 40. */
  readonly secret: KeyObject;
}

export interface TokenFacts {
  readonly messageId: number;
  /** Policy-clock ms. */
  readonly now: number;
  /** Of the bounce address, lower case. */
  readonly domain: string;
  /** Those of the transaction; all in one domain. */
  readonly recipients: readonly { readonly address: string }[];
}

export const tokenCharacters = 40;
const bodyBytes = 14;
const tokenBytes = 25;
const form = 0x10;
const dayMs = 86_400_000;
const epochMs = Date.UTC(2025, 0, 1);

export function formatToken({ messageId, now, domain, recipients }: TokenFacts, key: BounceKey): string {
  const [first, ...more] = recipients;
  const address = first?.address ?? "";
  const bytes = Buffer.alloc(tokenBytes);
  bytes[0] = form | (more.length === 0 ? 1 : 0);
  bytes[1] = key.number;
  bytes.writeUInt16BE(dayOf(now), 2);
  bytes.writeUIntBE(Math.floor(messageId / 2 ** 32), 4, 3);
  bytes.writeUInt32BE(messageId % 2 ** 32, 7);
  digestOf(more.length === 0 ? address : `@${domainOf(address)}`, key).copy(bytes, 11);
  signatureOf(bytes, domain, key).copy(bytes, bodyBytes);
  return encodeBase32(bytes);
}

/** null: nobody here made it. Takes the same time whatever is wrong with a signature. */
export function readToken(text: string, domain: string, keyOf: (number: number) => BounceKey | null): BounceToken | null {
  if (text.length !== tokenCharacters) return null;
  const bytes = decodeBase32(text);
  if (bytes === null || ((bytes[0] ?? 0) & ~1) !== form) return null;
  const key = keyOf(bytes[1] ?? 0);
  if (key === null || !timingSafeEqual(bytes.subarray(bodyBytes), signatureOf(bytes, domain, key))) return null;
  const messageId = bytes.readUIntBE(4, 3) * 2 ** 32 + bytes.readUInt32BE(7);
  return { messageId, day: bytes.readUInt16BE(2), single: ((bytes[0] ?? 0) & 1) === 1, digest: bytes.subarray(11, bodyBytes), key };
}

/** Whether the transaction that the token was made for had this recipient. */
export function isAbout({ single, digest, key }: BounceToken, address: string): boolean {
  return digest.equals(digestOf(single ? address : `@${domainOf(address)}`, key));
}

/** When the day ends. */
export function endOfDay(day: number): number {
  return epochMs + (day + 1) * dayMs;
}

export function dayOf(now: number): number {
  return Math.min(0xffff, Math.max(0, Math.floor((now - epochMs) / dayMs)));
}

function signatureOf(bytes: Buffer, domain: string, { secret }: BounceKey): Buffer {
  return createHmac("sha256", secret)
    .update(bytes.subarray(0, bodyBytes))
    .update(domain)
    .digest()
    .subarray(0, tokenBytes - bodyBytes);
}

/** Keyed, so that a token does not tell whom it was for. */
function digestOf(address: string, { secret }: BounceKey): Buffer {
  return createHmac("sha256", secret)
    .update(`recipient ${canonicalAddress(address)}`)
    .digest()
    .subarray(0, 3);
}
