import { isUtf8 } from "node:buffer";

/** Bytes of a SASL message as text; null when they are not UTF-8 (RFC 4616 §2) or hold a NUL. */
export function readText(bytes: Buffer): string | null {
  return isUtf8(bytes) && !bytes.includes(0) ? bytes.toString("utf8") : null;
}

export const malformed = { malformed: true } as const;
