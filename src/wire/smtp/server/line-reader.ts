/**
 * Cuts input into lines that end with CR LF and with nothing else (RFC 5321 §2.3.8), with bounded memory.
 *
 * A bare LF never ends a line. It is told at once, because a client that ends its lines so would otherwise wait for ever, and everything
 * up to the next CR LF belongs to the same spoilt line. A line beyond `maxLine` is not kept, only counted to its end; beyond
 * `maxUnterminated` octets without an end it is a flood. What happens does not depend on how the input was cut into chunks.
 */
export class LineReader {
  /** The line last found: `buffer` from `start` to `end`, without CR LF; valid until the next `read`. */
  buffer: Buffer = nothing;
  start = 0;
  end = 0;
  /** Where the chunk goes on. */
  position = 0;

  readonly #maxLine: number;
  readonly #maxUnterminated: number;
  #partial: Buffer = nothing;
  #length = 0;
  #last = 0;
  #spoilt = false;

  constructor(maxLine: number, maxUnterminated: number) {
    this.#maxLine = maxLine;
    this.#maxUnterminated = maxUnterminated;
  }

  /** Reads from `chunk` at `from`: to the end of a line, or of the chunk. */
  read(chunk: Buffer, from: number): LineEvent {
    let at = from;
    while (at < chunk.length) {
      const found = chunk.indexOf(lf, at);
      const stop = found < 0 ? chunk.length : found;
      if (this.#length + stop - at > this.#maxUnterminated) {
        this.position = chunk.length;
        this.reset();
        return "flood";
      }
      if (found < 0) {
        this.#keep(chunk, at, stop);
        break;
      }
      this.position = found + 1;
      if ((found > at ? chunk[found - 1] : this.#last) !== cr) {
        const spoilt = this.#spoilt;
        this.#spoilt = true;
        this.#length += found + 1 - at;
        this.#last = lf;
        if (!spoilt) return "bareLf";
      } else {
        const event = this.#spoilt ? null : this.#finish(chunk, at, found);
        this.reset();
        if (event !== null) return event;
      }
      at = found + 1;
    }
    this.position = chunk.length;
    return "more";
  }

  /** Forgets a line that has begun. */
  reset(): void {
    this.#length = 0;
    this.#last = 0;
    this.#spoilt = false;
  }

  #finish(chunk: Buffer, at: number, found: number): LineEvent {
    const length = this.#length + found - at - 1;
    if (length + 2 > this.#maxLine) return "tooLong";
    if (this.#length === 0) {
      this.buffer = chunk;
      this.start = at;
      this.end = found - 1;
    } else {
      this.#keep(chunk, at, found);
      this.buffer = this.#partial;
      this.start = 0;
      this.end = length;
    }
    return "line";
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    const length = this.#length + to - from;
    this.#last = chunk[to - 1] ?? this.#last;
    if (length <= this.#maxLine && !this.#spoilt) {
      if (length > this.#partial.length) {
        const larger = Buffer.allocUnsafeSlow(Math.min(this.#maxLine, Math.max(128, 2 * length)));
        this.#partial.copy(larger, 0, 0, this.#length);
        this.#partial = larger;
      }
      chunk.copy(this.#partial, this.#length, from, to);
    }
    this.#length = length;
  }
}

/** `more`: the chunk is used up. `tooLong` and `bareLf` are told once for each such line. */
export type LineEvent = "more" | "line" | "bareLf" | "tooLong" | "flood";

const nothing = Buffer.alloc(0);
const cr = 0x0d;
const lf = 0x0a;
