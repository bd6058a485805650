/** Jobs in memory at most; beyond it new mail waits in the store. */
const maxJobs = 1000;
/** Bytes of content in memory at most. */
const maxBytes = 32 * 1024 * 1024;

/** What the jobs in memory take, and may take together whatever the backlog. A job is counted from before its lease until its attempt has ended. */
export class Room {
  #jobs = 0;
  #bytes = 0;

  get jobs(): number {
    return this.#jobs;
  }

  get isFull(): boolean {
    return this.#jobs >= maxJobs || this.#bytes >= maxBytes;
  }

  fits(weight: number): boolean {
    return this.#jobs < maxJobs && this.#bytes + weight < maxBytes;
  }

  take(weight: number): void {
    this.#jobs++;
    this.#bytes += weight;
  }

  giveBack(weight: number): void {
    this.#jobs--;
    this.#bytes -= weight;
  }
}
