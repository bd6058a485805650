import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/**
 * Requests signed with an access key (HMAC-SHA256), as the official clients do it.
 *
 * MS communication REST "Authentication" and azure-docs hmac-header tutorial (read 2026-11-21): the string to sign is method, raw path and query, and
 * `date;host;content hash`, each as it is sent; the host has its port unless that is the scheme's own.
 */
export interface SignedParts {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly url: string;
  readonly date: string;
  readonly host: string;
  /** Base64 of the body's SHA-256, as the client says it. */
  readonly contentHash: string;
}

const authorization = /^HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=([A-Za-z0-9+/]{43}=)$/;

/** The signature in an Authorization field; null when it is not of this kind. */
export function parseSignature(field: string): Buffer | null {
  const text = authorization.exec(field)?.[1];
  return text === undefined ? null : Buffer.from(text, "base64");
}

/** Takes as long whether or not it fits. */
export function signatureFits(parts: SignedParts, key: Buffer, signature: Buffer): boolean {
  const { method, url, date, host, contentHash } = parts;
  const expected = createHmac("sha256", key).update(`${method}\n${url}\n${date};${host};${contentHash}`).digest();
  return expected.length === signature.length && timingSafeEqual(expected, signature);
}

export function contentHashOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("base64");
}

// RFC 9110 §5.6.7: the preferred form of dates; the only one that clients of this API write.
const httpDate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** ms since 1970; null when it is no such date. */
export function parseHttpDate(text: string): number | null {
  const at = httpDate.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}
