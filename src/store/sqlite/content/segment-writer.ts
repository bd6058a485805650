import type { ContentWriter, Extent } from "../../../queue/store.ts";
import type { Segments } from "./segments.ts";

/** What is gathered before a write: at first little, then, while memory allows, more: a new segment takes 1 MB at a time twice as fast. */
const smallBytes = 256 * 1024;
const largeBytes = 1024 * 1024;
/** Stages kept for the next writer: new memory of this size costs more than filling it. */
const smallKept = 64;
/** Large stages in use and kept: 32 MB. One writer has two stages at most: one that fills while the other is written. */
const largeLimit = 32;

export class StagePool {
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];
  #largeInUse = 0;

  take(first: boolean): Buffer {
    if (first || this.#largeInUse >= largeLimit) return this.#small.pop() ?? Buffer.allocUnsafeSlow(smallBytes);
    this.#largeInUse++;
    return this.#large.pop() ?? Buffer.allocUnsafeSlow(largeBytes);
  }

  give(stage: Buffer): void {
    if (stage.byteLength === largeBytes) {
      this.#largeInUse--;
      this.#large.push(stage);
    } else if (this.#small.length < smallKept) {
      this.#small.push(stage);
    }
  }
}

/** Writes one content to segments, in extents of up to 1 MB; neighbours are joined at the end. */
export class SegmentWriter implements ContentWriter {
  readonly #segments: Segments;
  readonly #pool: StagePool;
  readonly #kept: WeakSet<readonly Extent[]>;
  #finished: readonly Extent[] | null = null;
  readonly #extents: Extent[] = [];
  #stage: Buffer | null = null;
  #filled = 0;
  /** The write under way; its failure is told to whoever comes next. */
  #writing: Promise<void> = Promise.resolve();
  /** The last call of `write` that had to wait. */
  #long: Promise<void> = Promise.resolve();
  #aborted = false;

  /** @param kept places that a row names: giving them back would let another message overwrite this one, so `abort` does not. */
  constructor(segments: Segments, pool: StagePool, kept: WeakSet<readonly Extent[]>) {
    this.#segments = segments;
    this.#pool = pool;
    this.#kept = kept;
  }

  write(piece: Uint8Array): void | Promise<void> {
    this.#stage ??= this.#pool.take(this.#extents.length === 0);
    if (piece.byteLength <= this.#stage.byteLength - this.#filled) {
      this.#stage.set(piece, this.#filled);
      this.#filled += piece.byteLength;
      return;
    }
    this.#long = this.#writeLong(piece);
    return this.#long;
  }

  async finish(): Promise<readonly Extent[]> {
    await this.#writing;
    await this.#flush();
    await this.#writing;
    const segments = new Set(this.#extents.map(({ segment }) => segment));
    await Promise.all([...segments].map((segment) => this.#segments.sync(segment)));
    this.#finished = joined(this.#extents);
    return this.#finished;
  }

  abort(): void {
    if (this.#finished !== null && this.#kept.has(this.#finished)) return;
    this.#aborted = true;
    // The space must not be given to another while a write to it is under way, nor while one is about to begin.
    void this.#long
      .catch(() => undefined)
      .then(() => this.#writing)
      .catch(() => undefined)
      .then(() => {
        for (const extent of this.#extents.splice(0)) this.#segments.free(extent);
        if (this.#stage !== null) this.#pool.give(this.#stage);
        this.#stage = null;
      });
  }

  async #writeLong(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.byteLength && !this.#aborted;) {
      this.#stage ??= this.#pool.take(this.#extents.length === 0);
      const count = Math.min(piece.byteLength - at, this.#stage.byteLength - this.#filled);
      this.#stage.set(piece.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled < this.#stage.byteLength) continue;
      await this.#writing;
      await this.#flush();
    }
  }

  /** Starts the write of what is gathered; resolves when space for it was found. */
  async #flush(): Promise<void> {
    const stage = this.#stage;
    if (stage === null || this.#filled === 0) return;
    const length = this.#filled;
    const extent = await this.#segments.take(length);
    this.#extents.push(extent);
    this.#stage = null;
    this.#filled = 0;
    const writing = this.#segments.write(extent, stage.subarray(0, length)).finally(() => this.#pool.give(stage));
    writing.catch(() => undefined);
    this.#writing = writing;
  }
}

function joined(extents: readonly Extent[]): readonly Extent[] {
  const all: { segment: number; offset: number; length: number }[] = [];
  for (const { segment, offset, length } of extents) {
    const last = all.at(-1);
    if (last !== undefined && last.segment === segment && last.offset + last.length === offset) last.length += length;
    else all.push({ segment, offset, length });
  }
  return all;
}
