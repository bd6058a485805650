import { Fifo } from "../../lib/fifo.ts";

/** So many at a time, in the order of asking. */
export class Slots {
  #free: number;
  readonly #waiting = new Fifo<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Dispose what comes to give it back. */
  async take(signal: AbortSignal): Promise<AsyncDisposable> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (signal.aborted) {
      this.#give();
      throw signal.reason;
    }
    return { [Symbol.asyncDispose]: async () => this.#give() };
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
