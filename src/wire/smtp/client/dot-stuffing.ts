/**
 * RFC 5321 §4.5.2: a line that begins with a dot gets another one. Works on pieces that may be cut anywhere; what comes out are slices of
 * what went in, with dots between them, so nothing is copied.
 */
export class DotStuffer {
  /** How much of CRLF the bytes so far end with: 2 also at the start of the content. */
  #seen = 2;

  /** Appends `piece`, stuffed, to `out`. */
  stuff(piece: Uint8Array, out: Uint8Array[]): void {
    if (piece.length === 0) return;
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    let from = 0;
    // The cut may lie between CR and LF, or between LF and the dot.
    if (this.#seen === 2 && bytes[0] === dot) out.push(aDot);
    if (this.#seen === 1 && bytes[0] === lf && bytes[1] === dot) {
      out.push(bytes.subarray(0, 1), aDot);
      from = 1;
    }
    for (let at = bytes.indexOf(lineThenDot, 0); at >= 0; at = bytes.indexOf(lineThenDot, at + 2)) {
      out.push(bytes.subarray(from, at + 2), aDot);
      from = at + 2;
    }
    out.push(bytes.subarray(from));
    this.#seen = bytes.length === 1 ? next(this.#seen, bytes[0]) : tail(bytes);
  }

  /** What ends the content after all pieces: the CRLF that may be missing, and the lone dot. */
  end(): string {
    return this.#seen === 2 ? ".\r\n" : "\r\n.\r\n";
  }
}

/** What must follow content that needed no stuffing. RFC 5321 §4.1.1.4: the CRLF before the dot belongs to the content's last line. */
export function contentEnd(content: Uint8Array): string {
  const length = content.length;
  return length === 0 || (content[length - 2] === cr && content[length - 1] === lf) ? ".\r\n" : "\r\n.\r\n";
}

const cr = 13;
const lf = 10;
const dot = 46;
const aDot = Buffer.from(".");
const lineThenDot = Buffer.from("\r\n.");

function next(seen: number, byte: number | undefined): number {
  if (byte === cr) return 1;
  return byte === lf && seen === 1 ? 2 : 0;
}

function tail(bytes: Uint8Array): number {
  const last = bytes[bytes.length - 1];
  if (last === cr) return 1;
  return last === lf && bytes[bytes.length - 2] === cr ? 2 : 0;
}
