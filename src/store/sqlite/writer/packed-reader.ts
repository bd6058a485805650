import type { Packed } from "../protocol.ts";

/** Takes the values of a batch one after the other. */
export class PackedReader {
  readonly #values: Packed;
  at: number;

  constructor(values: Packed, at = 0) {
    this.#values = values;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.#values.length;
  }

  number(): number {
    return this.#values[this.at++] as number;
  }

  text(): string {
    return this.#values[this.at++] as string;
  }

  numberOrNull(): number | null {
    return this.#values[this.at++] as number | null;
  }

  textOrNull(): string | null {
    return this.#values[this.at++] as string | null;
  }
}
