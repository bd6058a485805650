/** One-byte characters to text: UTF-8 (RFC 6532 §3.1) when it is valid, else as they are (Latin-1). */
export function decodeEightBit(raw: string): string {
  if (!/[\x80-\xff]/.test(raw)) return raw;
  const decoded = Buffer.from(raw, "latin1").toString("utf8");
  return decoded.includes("\ufffd") ? raw : decoded;
}
