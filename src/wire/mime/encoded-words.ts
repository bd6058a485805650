/**
 * Decodes the encoded-words of an unstructured field (RFC 2047): `=?utf-8?Q?Gr=C3=BC=C3=9Fe?=` becomes `Grüße`.
 *
 * Never throws: what is not a proper encoded-word, or is in a charset we do not know, stays as it was written. Bytes of neighbouring words
 * in one charset are joined before they are decoded, because many programs cut a character in two (against RFC 2047 §5).
 */
// RFC 2231 §5: a language may follow the charset behind an asterisk. Each part is bounded, so the scan is linear.
const encodedWord = /=\?([\w.:+-]{1,64})(?:\*[\w-]{0,32})?\?([BbQq])\?([^?\s]{0,2048})\?=/g;

export function decodeEncodedWords(text: string): string {
  if (!text.includes("=?")) return text;
  let result = "";
  let end = 0;
  let charset = "";
  let bytes: Buffer[] = [];
  let written = "";
  const flush = (): void => {
    if (bytes.length > 0) result += decodeBytes(charset, Buffer.concat(bytes)) ?? written;
    bytes = [];
    written = "";
  };
  for (const match of text.matchAll(encodedWord)) {
    const between = text.slice(end, match.index);
    const name = (match[1] ?? "").toLowerCase();
    // RFC 2047 §6.2: white space between two encoded-words is not shown.
    const adjacent = bytes.length > 0 && /^[ \t\r\n]*$/.test(between);
    if (!adjacent || name !== charset) {
      flush();
      if (!adjacent) result += between;
    }
    charset = name;
    bytes.push((match[2] ?? "").toUpperCase() === "B" ? Buffer.from(match[3] ?? "", "base64") : decodeQ(match[3] ?? ""));
    written += match[0];
    end = match.index + match[0].length;
  }
  flush();
  return result + text.slice(end);
}

/** RFC 2047 §4.2. */
function decodeQ(text: string): Buffer {
  const plain = text.replaceAll("_", " ").replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, "latin1");
}

/** null when the charset is not known here. */
function decodeBytes(charset: string, bytes: Buffer): string | null {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return null;
  }
}

/** Text as RFC 2047 encoded words when it is beyond ASCII (or could be taken for one), each at most 75 characters, separated by spaces. */
export function encodeWords(text: string): string {
  if (!/[^\x20-\x7e]|=\?/.test(text)) return text;
  const words: string[] = [];
  let chunk = "";
  let bytes = 0;
  for (const char of text) {
    const size = Buffer.byteLength(char);
    // 75 - "=?utf-8?B?" - "?=" leaves 63 characters of base64, which carry 45 bytes.
    if (bytes + size > 45) {
      words.push(chunk);
      chunk = "";
      bytes = 0;
    }
    chunk += char;
    bytes += size;
  }
  words.push(chunk);
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString("base64")}?=`).join(" ");
}
