import { createHash } from "node:crypto";
import { RelaxedBody } from "../../wire/dkim/relaxed-body.ts";

/** A message as it is read for its signature, piece by piece: its header section is kept, its body only hashed. */
export class MessageDigest {
  readonly #hash = createHash("sha256");
  readonly #body = new RelaxedBody((bytes) => this.#hash.update(bytes));
  /** One character a byte. */
  #header = "";
  #inBody = false;

  /** @throws Error when the header section does not end */
  push(bytes: Buffer): void {
    if (this.#inBody) return this.#body.push(bytes);
    const end = endOfHeader(this.#header, bytes);
    if (end < 0) {
      this.#header += bytes.toString("latin1");
      if (this.#header.length > longestHeader) throw new Error("the header section is too long");
      return;
    }
    // Without the empty line.
    this.#header = (this.#header + bytes.toString("latin1", 0, end)).slice(0, -2);
    this.#inBody = true;
    this.#body.push(bytes.subarray(end));
  }

  /** @returns the header section, one character a byte, and base64 of the SHA-256 of the canonical body. Once. */
  end(): { readonly header: string; readonly bodyHash: string } {
    this.#body.end();
    return { header: this.#header, bodyHash: this.#hash.digest("base64") };
  }
}

/** Where in `bytes` the body begins; negative: not in them. The empty line may have begun before them. */
function endOfHeader(before: string, bytes: Buffer): number {
  const tail = before.slice(-3);
  const atSeam = (tail + bytes.toString("latin1", 0, 3)).indexOf(emptyLine);
  if (atSeam >= 0) return atSeam + emptyLine.length - tail.length;
  const at = bytes.indexOf(emptyLine, 0, "latin1");
  return at < 0 ? -1 : at + emptyLine.length;
}

const emptyLine = "\r\n\r\n";
const longestHeader = 512 * 1024;
