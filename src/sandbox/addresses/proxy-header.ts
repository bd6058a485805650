/**
 * The PROXY protocol, version 2, as a receiver reads it: the binary header that a proxy sends in front of the client's own bytes, with the
 * client's real address.
 *
 * PROXY protocol §2.2 (HAProxy, 2020-03-05): the signature begins with CR LF CR LF NUL, which no SMTP client says, so the first bytes tell
 * whether a header comes and nobody waits for one. The specification forbids guessing because anybody could then lie about his address; here
 * only peers on loopback are listened to, and there lying is the purpose.
 */
export type ProxyStep =
  /** It is a header so far, and not complete. */
  | { readonly kind: "more" }
  /** These bytes are no header: the client's own. */
  | { readonly kind: "none" }
  /** `source` null: LOCAL, or a family without addresses; the connection keeps its own. `length`: octets of the header. */
  | { readonly kind: "header"; readonly source: string | null; readonly length: number }
  /** It began like a header and is none that can be taken. */
  | { readonly kind: "bad" };

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const fixedLength = 16;
/** Addresses take 216 octets at most; the rest are TLVs, which nobody needs by the kilobyte. */
export const maxProxyHeader = 2048;

export function readProxyHeader(bytes: Buffer): ProxyStep {
  const seen = Math.min(bytes.length, signature.length);
  if (!bytes.subarray(0, seen).equals(signature.subarray(0, seen))) return { kind: "none" };
  if (bytes.length < fixedLength) return { kind: "more" };
  const [versionAndCommand = 0, family = 0] = bytes.subarray(12, 14);
  const length = fixedLength + bytes.readUInt16BE(14);
  const command = versionAndCommand & 0x0f;
  if (versionAndCommand >> 4 !== 2 || command > 1 || length > maxProxyHeader) return { kind: "bad" };
  if (bytes.length < length) return { kind: "more" };
  if (command === 0) return { kind: "header", source: null, length };
  const addresses = bytes.subarray(fixedLength, length);
  switch (family >> 4) {
    case 1:
      return addresses.length < 12 ? { kind: "bad" } : { kind: "header", source: addresses.subarray(0, 4).join("."), length };
    case 2:
      return addresses.length < 36 ? { kind: "bad" } : { kind: "header", source: ipv6(addresses.subarray(0, 16)), length };
    default:
      return { kind: "header", source: null, length };
  }
}

/** In the spelling of RFC 5952. */
function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
