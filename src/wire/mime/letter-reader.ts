import { ContentScanner } from "../smtp/content-scanner.ts";
import { maxHeaderBytes } from "./header-scan.ts";
import { LetterFault } from "./letter-head.ts";

/**
 * A letter as a program writes it to a file or a pipe, in pieces: every line end becomes CRLF, the header section is held back until it is
 * whole, the body goes through. A byte order mark and the `From ` line of a mailbox file, which belong to the container, are dropped. A letter
 * whose first line is no field is all body.
 */
export class LetterReader {
  /** The header section without its empty line, one character a byte; null: not whole yet. Empty: there is none. */
  head: string | null = null;
  readonly #scanner = new ContentScanner(false, "normalise");
  #begun: Buffer = Buffer.alloc(0);
  #first = true;

  /** What is true of all that was read; more than what goes on may have. */
  get facts(): Pick<ContentScanner, "leadingDots" | "eightBit" | "nul"> {
    return this.#scanner;
  }

  /** Gives the pieces of the body that are complete. @throws LetterFault */
  push(chunk: Buffer): readonly Buffer[] {
    const bytes = this.#first ? withoutMark(chunk) : chunk;
    if (chunk.length > 0) this.#first = false;
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      at = this.#scanner.scan(bytes, at, bytes.length);
      if (this.#scanner.piece !== null) pieces.push(this.#scanner.piece);
    }
    return this.head === null ? this.#begin(pieces, false) : pieces;
  }

  /** No more will come. @throws LetterFault */
  end(): readonly Buffer[] {
    const missing = this.#scanner.finish();
    const pieces = missing === null ? [] : [missing];
    return this.head === null ? this.#begin(pieces, true) : pieces;
  }

  #begin(pieces: readonly Buffer[], whole: boolean): readonly Buffer[] {
    const bytes = (this.#begun = Buffer.concat([this.#begun, ...pieces]));
    const start = startOfLetter(bytes, whole);
    if (start === null) return this.#wait(bytes);
    const letter = bytes.subarray(start);
    if (letter.subarray(0, 2).equals(lineEnd)) return this.#split(letter, 0, 2);
    const end = letter.indexOf(emptyLine);
    const firstLine = letter.indexOf(lineEnd);
    if ((firstLine >= 0 || whole) && !field.test(letter.toString("latin1", 0, Math.min(1000, Math.max(0, firstLine)))))
      return this.#split(letter, 0, 0);
    if (end >= 0) return this.#split(letter, end + 2, end + 4);
    return whole ? this.#split(letter, letter.length, letter.length) : this.#wait(bytes);
  }

  #wait(bytes: Buffer): readonly Buffer[] {
    if (bytes.length > maxHeaderBytes) throw tooLong();
    return [];
  }

  #split(letter: Buffer, headEnd: number, bodyStart: number): readonly Buffer[] {
    if (headEnd > maxHeaderBytes) throw tooLong();
    this.head = letter.toString("latin1", 0, headEnd);
    this.#begun = Buffer.alloc(0);
    return bodyStart === letter.length ? [] : [letter.subarray(bodyStart)];
  }
}

/** Where the letter begins behind a mailbox file's `From ` line; null: that line has not ended. */
function startOfLetter(bytes: Buffer, whole: boolean): number | null {
  if (bytes.length < separator.length && !whole) return null;
  if (!bytes.subarray(0, separator.length).equals(separator)) return 0;
  const end = bytes.indexOf(lineEnd);
  return end < 0 ? (whole ? bytes.length : null) : end + 2;
}

function withoutMark(chunk: Buffer): Buffer {
  return chunk.subarray(0, 3).equals(byteOrderMark) ? chunk.subarray(3) : chunk;
}

function tooLong(): LetterFault {
  return new LetterFault("the header section is longer than 256 KB");
}

const lineEnd = Buffer.from("\r\n");
const emptyLine = Buffer.from("\r\n\r\n");
const separator = Buffer.from("From ");
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const field = /^[!-9;-~]+[ \t]*:/;
