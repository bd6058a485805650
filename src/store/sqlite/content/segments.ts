import { open as openFile, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../../lib/sync-folder.ts";
import { StoreFull, type Extent } from "../../../queue/store.ts";
import { Allocator } from "./allocator.ts";
import { nameOf, numberOf } from "./segment-name.ts";
import { FaultPlan, SegmentFile, type Faults } from "./segment-file.ts";

export interface SegmentsOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  /** Empty segments that are kept for the next large messages. */
  readonly spare: number;
  /** Extents of a segment that rows name. */
  readonly extentsOf: (segment: number) => Promise<readonly (readonly [position: number, length: number])[]>;
  readonly freeBytes: () => number;
  /** A write or a sync failed: nothing may be promised any more. */
  readonly failed: (error: Error) => void;
  readonly faults?: Faults;
}

/** Descriptors kept open; a backlog may have thousands of segments. */
const openLimit = 64;
/** All spare segments are kept while the disk has this many times their size free; else a quarter of them. */
const roomyFactor = 8;

/**
 * Files of one size that are used again and again: overwriting what was written before allocates nothing and changes no metadata, so that a
 * sync is only a sync (1 MB contents: 3,300/s into such a file). A new one is made with holes: writing zeros first, so that even its first
 * use is of that kind, costs as much as it gains, and the disk writes twice.
 *
 * Segments of an earlier run become known one by one, each with one look at an index; until all are, their holes are simply not used.
 */
export class Segments implements AsyncDisposable {
  readonly #options: SegmentsOptions;
  readonly #faults: FaultPlan;
  readonly #allocator: Allocator;
  /** By use, the latest last. */
  readonly #open = new Map<number, Promise<SegmentFile>>();
  readonly #busy = new Map<number, number>();
  #unknown: number[] = [];
  #highest = 0;
  /** What was freed in the segment that is being looked up: the look may have been before the commit that freed it. */
  #freedMeanwhile: Extent[] = [];
  #growing: Promise<void> | null = null;
  #frozen: Extent[] | null = null;
  #closed = false;
  #stopped: Error | null = null;

  private constructor(options: SegmentsOptions) {
    this.#options = options;
    this.#faults = new FaultPlan(options.faults);
    this.#allocator = new Allocator(options.segmentBytes);
  }

  static async open(options: SegmentsOptions): Promise<Segments> {
    const segments = new Segments(options);
    for (const name of await readdir(options.directory)) {
      const number = numberOf(name);
      if (number === null) await rm(join(options.directory, name), { force: true });
      else segments.#unknown.push(number);
    }
    segments.#unknown.sort((a, b) => a - b);
    segments.#highest = segments.#unknown.at(-1) ?? 0;
    if (segments.#unknown.length > 0) setImmediate(() => void segments.#learnAll());
    return segments;
  }

  /**
   * The store cannot go on. Nothing is written from now on: a commit that failed may have reached the disk all the same, and what it names
   * must not be overwritten by those who take up the space that is given back.
   */
  stop(error: Error): void {
    this.#stopped ??= error;
  }

  async take(length: number): Promise<Extent> {
    for (;;) {
      if (this.#stopped !== null) throw this.#stopped;
      const extent = this.#allocator.take(length);
      if (extent !== null) {
        this.#growAhead();
        return extent;
      }
      await this.#grow();
    }
  }

  free(extent: Extent): void {
    if (this.#frozen !== null) {
      this.#frozen.push(extent);
      return;
    }
    if (this.#unknown.length > 0) this.#freedMeanwhile.push(extent);
    if (this.#allocator.free(extent)) this.#dropSpare();
  }

  /**
   * Until disposed no space is used again and no segment is removed: a backup copies what its snapshot names. Nothing is learned of segments
   * meanwhile either: their rows already miss what is only to be freed afterwards.
   */
  async freeze(): Promise<Disposable> {
    if (this.#frozen !== null) throw new Error("a backup is under way");
    this.#frozen = [];
    await this.#growing?.catch(() => undefined);
    return {
      [Symbol.dispose]: () => {
        const frozen = this.#frozen ?? [];
        this.#frozen = null;
        for (const extent of frozen) this.free(extent);
        if (this.#unknown.length > 0) void this.#learnAll();
      },
    };
  }

  async write({ segment, offset }: Extent, buffer: Uint8Array): Promise<void> {
    if (this.#stopped !== null) throw this.#stopped;
    await this.#with(segment, (file) => file.write(buffer, offset)).catch((error: unknown) =>
      this.#rejectWrite(error as NodeJS.ErrnoException),
    );
  }

  async sync(segment: number): Promise<void> {
    await this.#with(segment, (file) => file.sync()).catch((error: unknown) => this.#giveUp(error as Error));
  }

  async read(segment: number, position: number, buffer: Uint8Array): Promise<void> {
    await this.#with(segment, (file) => file.read(buffer, position));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#growing?.catch(() => undefined);
    for (const file of this.#open.values()) {
      await file.then(
        (opened) => opened.close(),
        () => undefined,
      );
    }
    this.#open.clear();
  }

  async #with<T>(segment: number, use: (file: SegmentFile) => Promise<T>): Promise<T> {
    let file = this.#open.get(segment);
    if (file === undefined) file = SegmentFile.open(this.#path(segment), "r+", this.#faults);
    else this.#open.delete(segment);
    this.#open.set(segment, file);
    this.#busy.set(segment, (this.#busy.get(segment) ?? 0) + 1);
    try {
      return await use(await file);
    } finally {
      const left = (this.#busy.get(segment) as number) - 1;
      if (left > 0) this.#busy.set(segment, left);
      else this.#busy.delete(segment);
      if (this.#open.size > openLimit) this.#closeIdle();
    }
  }

  #closeIdle(): void {
    for (const [segment, file] of this.#open) {
      if (this.#open.size <= openLimit) return;
      if (this.#busy.has(segment)) continue;
      this.#open.delete(segment);
      void file.then(
        (opened) => opened.close(),
        () => undefined,
      );
    }
  }

  #rejectWrite(error: NodeJS.ErrnoException): never {
    if (error.code === "ENOSPC" || error.code === "EDQUOT") throw new StoreFull(error.message);
    return this.#giveUp(error);
  }

  #giveUp(error: Error): never {
    this.#options.failed(error);
    throw error;
  }

  /** Makes the next segment before the last one is used up. */
  #growAhead(): void {
    if (this.#growing !== null || this.#unknown.length > 0 || this.#allocator.freeBytes() >= this.#options.segmentBytes) return;
    this.#grow().catch(() => undefined);
  }

  #grow(): Promise<void> {
    this.#growing ??= (this.#unknown.length > 0 && this.#frozen === null ? this.#learnNext() : this.#create()).finally(() => {
      this.#growing = null;
    });
    return this.#growing;
  }

  async #create(): Promise<void> {
    const { directory, segmentBytes, freeBytes } = this.#options;
    if (freeBytes() < segmentBytes) throw new StoreFull("no space for another segment");
    const segment = ++this.#highest;
    const making = `${this.#path(segment)}.new`;
    try {
      const file = await openFile(making, "wx", 0o600);
      try {
        await file.truncate(segmentBytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(making, this.#path(segment));
      await syncFolder(directory);
    } catch (error) {
      await rm(making, { force: true });
      return this.#rejectWrite(error as NodeJS.ErrnoException);
    }
    this.#allocator.add(segment, []);
  }

  async #learnAll(): Promise<void> {
    while (this.#unknown.length > 0 && !this.#closed && this.#frozen === null) {
      try {
        await this.#grow();
      } catch {
        return;
      }
    }
  }

  async #learnNext(): Promise<void> {
    const segment = this.#unknown[0] as number;
    this.#freedMeanwhile = [];
    const used = await this.#options.extentsOf(segment);
    this.#unknown.shift();
    this.#allocator.add(segment, used);
    for (const extent of this.#freedMeanwhile) if (extent.segment === segment) this.#allocator.free(extent);
    this.#freedMeanwhile = [];
    this.#dropSpare();
  }

  #dropSpare(): void {
    const empty = this.#allocator.empty();
    // Used again, a segment costs half of what a new one does; where the disk has little room, others need it more.
    const { spare, segmentBytes, freeBytes } = this.#options;
    const kept = freeBytes() > spare * segmentBytes * roomyFactor ? spare : Math.ceil(spare / 4);
    for (const segment of empty.slice(kept)) {
      if (this.#busy.has(segment)) continue;
      this.#allocator.forget(segment);
      const file = this.#open.get(segment);
      this.#open.delete(segment);
      void file?.then(
        (opened) => opened.close(),
        () => undefined,
      );
      void rm(this.#path(segment), { force: true });
    }
  }

  #path(segment: number): string {
    return join(this.#options.directory, nameOf(segment));
  }
}
