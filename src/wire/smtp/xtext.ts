/**
 * xtext, in which MAIL and RCPT parameters carry text (RFC 3461 §4): printable ASCII except `+` and `=`, anything else as `+HH`.
 */

/** Encodes text (as UTF-8 where it is beyond ASCII, which RFC 3461 leaves open). */
export function encodeXtext(text: string): string {
  if (plain.test(text)) return text;
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    encoded +=
      byte < 33 || byte > 126 || byte === 0x2b || byte === 0x3d
        ? `+${byte.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(byte);
  }
  return encoded;
}

/** Decodes xtext; null when it is malformed. */
export function decodeXtext(encoded: string): string | null {
  if (!wellFormed.test(encoded)) return null;
  if (!encoded.includes("+")) return encoded;
  const bytes = Buffer.from(
    encoded.replace(hexchar, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") ? null : text;
}

/**
 * Decodes xtext that must be printable US-ASCII, with spaces.
 *
 * RFC 3461 §4.4: an ENVID "MUST consist entirely of printable US-ASCII"; it is printed into a DSN's fields, so a line end must not hide in it.
 */
export function decodePrintableXtext(encoded: string): string | null {
  const text = decodeXtext(encoded);
  return text !== null && printable.test(text) ? text : null;
}

const plain = /^[!-*,-<>-~]*$/;
const wellFormed = /^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/;
const hexchar = /\+([0-9A-F]{2})/g;
const printable = /^[ -~]*$/;
