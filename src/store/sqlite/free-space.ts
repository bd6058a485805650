import { statfs } from "node:fs/promises";

const ageLimitMs = 1000;

/** How much the file system has left, measured at most once a second and never waited for. */
export class FreeSpace {
  readonly #directory: string;
  readonly #reserveBytes: number;
  #free: number;
  #measuredAt: number;
  #measuring = false;

  private constructor(directory: string, reserveBytes: number, free: number) {
    this.#directory = directory;
    this.#reserveBytes = reserveBytes;
    this.#free = free;
    this.#measuredAt = performance.now();
  }

  static async watch(directory: string, reserveBytes: number): Promise<FreeSpace> {
    return new FreeSpace(directory, reserveBytes, await measure(directory));
  }

  /** Bytes above the reserve; below zero when it is being used up. */
  bytes(): number {
    if (performance.now() - this.#measuredAt > ageLimitMs && !this.#measuring) this.#refresh();
    return this.#free - this.#reserveBytes;
  }

  #refresh(): void {
    this.#measuring = true;
    measure(this.#directory)
      .then((free) => {
        this.#free = free;
      })
      .catch(() => undefined)
      .finally(() => {
        this.#measuredAt = performance.now();
        this.#measuring = false;
      });
  }
}

async function measure(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
