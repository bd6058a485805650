import type { Reply } from "../../../mail/reply.ts";

/**
 * What an SMTP client reads and writes, as values: replies (this file), capabilities, commands, dot-stuffing. No I/O; routes/smtp brings the
 * socket. Whoever is at the other end may be hostile: everything read is bounded, and what breaks the grammar throws ReplySyntaxError,
 * after which the connection is of no use.
 *
 * Bytes to replies, RFC 5321 §4.2. Liberal in one thing only: a bare LF ends a line, as old servers send it.
 */
export class ReplyParser {
  /** Text not yet parsed, as Latin-1, so that a character is a byte. */
  #text = "";
  #at = 0;
  #code = 0;
  #lines: string[] | null = null;
  #bytes = 0;

  push(chunk: Buffer): void {
    const text = chunk.toString("latin1");
    this.#text = this.#at === this.#text.length ? text : this.#text.slice(this.#at) + text;
    this.#at = 0;
  }

  /** The next whole reply; null when it has not arrived yet. */
  next(): Reply | null {
    for (;;) {
      const start = this.#at;
      const end = this.#text.indexOf("\n", start);
      if (end - start > maxLineBytes || (end < 0 && this.#text.length - start > maxLineBytes))
        throw new ReplySyntaxError("a line of the reply is too long");
      if (end < 0) return null;
      this.#at = end + 1;
      const stop = end > start && this.#text.charCodeAt(end - 1) === 13 ? end - 1 : end;
      const reply = this.#line(start, stop);
      if (reply !== null) return reply;
    }
  }

  /** Whether bytes are waiting that are not a whole reply yet, or replies that nobody has taken. */
  get pending(): boolean {
    return this.#at < this.#text.length || this.#lines !== null;
  }

  #line(start: number, stop: number): Reply | null {
    const text = this.#text;
    const code = (text.charCodeAt(start) - 48) * 100 + (text.charCodeAt(start + 1) - 48) * 10 + (text.charCodeAt(start + 2) - 48);
    const separator = stop - start === 3 ? space : text.charCodeAt(start + 3);
    // RFC 5321 §4.2: three digits, the first 2 to 5 (1yz replies are not used), then a space or, on all but the last line, a hyphen.
    if (stop - start < 3 || !(code >= 200 && code <= 599) || !digits(text, start) || (separator !== space && separator !== hyphen)) {
      throw new ReplySyntaxError(`not a reply: "${printable(text.slice(start, Math.min(stop, start + 80)))}"`);
    }
    const line = printable(text.slice(start + 4, stop));
    if (this.#lines === null) {
      if (separator === space) return { code, lines: [line] };
      this.#lines = [];
      this.#code = code;
      this.#bytes = 0;
    }
    // RFC 5321 §4.2.1: every line of a reply carries the same code. Two answers in one cannot be believed either way.
    if (code !== this.#code) throw new ReplySyntaxError(`a reply with two codes, ${this.#code} and ${code}`);
    this.#lines.push(line);
    this.#bytes += stop - start;
    if (this.#lines.length > maxLines || this.#bytes > maxReplyBytes) throw new ReplySyntaxError("the reply is too long");
    if (separator === hyphen) return null;
    const lines = this.#lines;
    this.#lines = null;
    return { code, lines };
  }
}

/** The peer does not speak SMTP, or tries our patience. */
export class ReplySyntaxError extends Error {
  override readonly name = "ReplySyntaxError";
}

// RFC 5321 §4.5.3.1.5: 512 bytes a line; services write longer ones (URLs, diagnostics), so four times that.
const maxLineBytes = 2048;
const maxLines = 128;
const maxReplyBytes = 8192;
const space = 32;
const hyphen = 45;

function digits(text: string, at: number): boolean {
  return digit(text.charCodeAt(at)) && digit(text.charCodeAt(at + 1)) && digit(text.charCodeAt(at + 2));
}

function digit(code: number): boolean {
  return code >= 48 && code <= 57;
}

const unusual = /[^\x20-\x7e]/;
// eslint-disable-next-line no-control-regex
const control = /[\x00-\x1f\x7f-\x9f]/g;

/** UTF-8 decoded (RFC 6531 §3.5: replies may have it); control characters, which could play tricks on a terminal or a log, become `?`. */
function printable(latin1: string): string {
  if (!unusual.test(latin1)) return latin1;
  return Buffer.from(latin1, "latin1")
    .toString("utf8")
    .replace(control, (char) => (char === "\t" ? " " : "?"));
}
