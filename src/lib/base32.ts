/** RFC 4648 §6 in lower case, without padding: survives whoever changes the case of a text. */
const digits = "abcdefghijklmnopqrstuvwxyz234567";

/** @param bytes a multiple of 5, so that no bit is left over and each text has one meaning */
export function encodeBase32(bytes: Uint8Array): string {
  if (bytes.length % 5 !== 0) throw new RangeError(`${bytes.length} bytes are no multiple of 5`);
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += digits.charAt((held >> bits) & 31);
    }
  }
  return text;
}

/** null when the text is not base 32 of whole groups of 5 bytes; case does not matter. */
export function decodeBase32(text: string): Buffer | null {
  if (text.length % 8 !== 0) return null;
  const bytes = Buffer.alloc((text.length / 8) * 5);
  let held = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = digitOf(text.charCodeAt(i));
    if (digit < 0) return null;
    held = ((held << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >> bits) & 255;
  }
  return bytes;
}

function digitOf(code: number): number {
  // Letters of both cases, then 2 to 7. Nothing beyond ASCII folds into a letter here.
  if (code >= 97 && code <= 122) return code - 97;
  if (code >= 65 && code <= 90) return code - 65;
  return code >= 50 && code <= 55 ? code - 24 : -1;
}
