/** What requests occupy together, in bytes: a bound on what strangers and friends can make us hold. */
export class Memory {
  readonly #most: number;
  #taken = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** null: there is no room now. Else what gives it back; calling it twice does no harm. */
  take(bytes: number): (() => void) | null {
    // One request that is larger than everything may come when nothing else is here, or it never could.
    if (this.#taken > 0 && this.#taken + bytes > this.#most) return null;
    this.#taken += bytes;
    let held = bytes;
    return () => {
      this.#taken -= held;
      held = 0;
    };
  }
}
