import { closeSync, fdatasyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import type { BallastOptions } from "../protocol.ts";

/** Space that is kept so that it can be given up when the disk is full: settlements need a little room even then. */
export class Ballast {
  readonly #options: BallastOptions;
  #held: boolean;

  constructor(options: BallastOptions) {
    this.#options = options;
    this.#held = statSync(options.file, { throwIfNoEntry: false })?.size === options.bytes;
    if (!this.#held) this.take();
  }

  get held(): boolean {
    return this.#held;
  }

  get bytes(): number {
    return this.#options.bytes;
  }

  /** Whether it is held afterwards; the disk may be full still. */
  take(): boolean {
    if (this.#held) return true;
    try {
      const handle = openSync(this.#options.file, "w", 0o600);
      try {
        const zeros = Buffer.alloc(Math.min(1024 * 1024, this.#options.bytes));
        for (let at = 0; at < this.#options.bytes;) at += writeSync(handle, zeros, 0, Math.min(zeros.length, this.#options.bytes - at), at);
        fdatasyncSync(handle);
        this.#held = true;
      } finally {
        closeSync(handle);
      }
    } catch {
      this.release();
    }
    return this.#held;
  }

  release(): void {
    rmSync(this.#options.file, { force: true });
    this.#held = false;
  }
}
