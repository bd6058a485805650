/**
 * The body in relaxed canonical form (RFC 6376 §3.4.4), piece by piece: runs of spaces and tabs become one space, those at the end of a line
 * go, and so do empty lines at the end of the body. Lines end with CRLF already (the door sees to it).
 *
 * White space and line ends are counted, not kept, until something follows them: memory is bounded whatever the body, and time is linear.
 */
export class RelaxedBody {
  readonly #sink: (bytes: Uint8Array) => void;
  readonly #out = Buffer.allocUnsafe(blockBytes);
  #length = 0;
  /** Line ends that are written only when something follows. */
  #lineEnds = 0;
  #space = false;
  #any = false;

  /** @param sink may not keep what it is given longer than the call */
  constructor(sink: (bytes: Uint8Array) => void) {
    this.#sink = sink;
  }

  push(piece: Uint8Array): void {
    const out = this.#out;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i] as number;
      if (byte === SPACE || byte === TAB) this.#space = true;
      else if (byte === LF) {
        this.#space = false;
        this.#lineEnds++;
      } else if (byte !== CR) {
        this.#any = true;
        for (; this.#lineEnds > 0; this.#lineEnds--) {
          this.#room(2);
          out[this.#length++] = CR;
          out[this.#length++] = LF;
        }
        this.#room(2);
        if (this.#space) {
          out[this.#length++] = SPACE;
          this.#space = false;
        }
        out[this.#length++] = byte;
      }
    }
  }

  /** RFC 6376 §3.4.4: a body that is not empty ends with CRLF, an empty one is empty. */
  end(): void {
    this.#flush();
    if (this.#any) this.#sink(crlf);
  }

  #room(bytes: number): void {
    if (this.#length + bytes > blockBytes) this.#flush();
  }

  #flush(): void {
    if (this.#length > 0) this.#sink(this.#out.subarray(0, this.#length));
    this.#length = 0;
  }
}

const blockBytes = 16 * 1024;
const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const crlf = Buffer.from("\r\n");
