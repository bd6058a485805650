/** Keeps count of what is asynchronous, and tells who waits for rest when there is none left and nothing else is due. */
export class Rest {
  readonly #isQuiet: () => boolean;
  readonly #ended: () => void;
  #pending = 0;
  #waiters: (() => void)[] = [];

  /**
   * @param isQuiet apart from what is tracked, nothing is due or under way
   * @param ended something that was tracked has ended
   */
  constructor(isQuiet: () => boolean, ended: () => void) {
    this.#isQuiet = isQuiet;
    this.#ended = ended;
  }

  /** Claims, probes and conclusions under way. */
  get pending(): number {
    return this.#pending;
  }

  track<T>(work: Promise<T>): Promise<T> {
    this.#pending++;
    return work.finally(() => {
      this.#pending--;
      this.#ended();
      this.check();
    });
  }

  comes(): Promise<void> {
    if (this.#isHere()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  check(): void {
    if (this.#waiters.length === 0 || !this.#isHere()) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #isHere(): boolean {
    return this.#pending === 0 && this.#isQuiet();
  }
}
