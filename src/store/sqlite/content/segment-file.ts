import { close, fdatasync, open, read, writev } from "node:fs";

/** Tests only: fails the given call (counted from 1, over all segments) as the operating system would. */
export interface Faults {
  readonly segmentWrite?: Fault;
  readonly segmentSync?: Fault;
}

export interface Fault {
  readonly at: number;
  /** `EIO`, `ENOSPC`. */
  readonly code: string;
}

/** Counts towards the faults of a test. */
export class FaultPlan {
  readonly #faults: Faults;
  #writes = 0;
  #syncs = 0;

  constructor(faults: Faults = {}) {
    this.#faults = faults;
  }

  write(): NodeJS.ErrnoException | null {
    return due(this.#faults.segmentWrite, ++this.#writes, "write");
  }

  sync(): NodeJS.ErrnoException | null {
    return due(this.#faults.segmentSync, ++this.#syncs, "fdatasync");
  }
}

function due(fault: Fault | undefined, count: number, call: string): NodeJS.ErrnoException | null {
  if (fault === undefined || fault.at !== count) return null;
  return Object.assign(new Error(`${fault.code}: made by a test, ${call}`), { code: fault.code, syscall: call });
}

interface Write {
  readonly buffer: Uint8Array;
  readonly position: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One system call writes up to this much. */
const writeBytes = 8 * 1024 * 1024;

/**
 * One open segment. Writes and syncs run in libuv's pool.
 *
 * One write at a time, what came meanwhile together with the next: a file has one lock for writing anyway, and threads that wait for it are
 * missing elsewhere in the pool.
 *
 * `sync` is shared: one that runs serves everybody whose writes ended before it began; who comes while it runs waits for the next, together
 * with all others who came.
 */
export class SegmentFile {
  readonly #handle: number;
  readonly #faults: FaultPlan;
  readonly #queue: Write[] = [];
  #writing = false;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  private constructor(handle: number, faults: FaultPlan) {
    this.#handle = handle;
    this.#faults = faults;
  }

  static open(path: string, flags: "r+" | "wx+", faults: FaultPlan): Promise<SegmentFile> {
    return new Promise((resolve, reject) => {
      open(path, flags, 0o600, (error, handle) => (error === null ? resolve(new SegmentFile(handle, faults)) : reject(error)));
    });
  }

  write(buffer: Uint8Array, position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fault = this.#faults.write();
      if (fault !== null) return reject(fault);
      this.#queue.push({ buffer, position, resolve, reject });
      if (!this.#writing) this.#writeNext();
    });
  }

  sync(): Promise<void> {
    if (this.#running === null) return this.#sync();
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#sync();
    });
    return this.#next;
  }

  /** Fills `buffer` from `position`; fails when the file ends before. */
  read(buffer: Uint8Array, position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let done = 0;
      const step = (): void =>
        read(this.#handle, buffer, done, buffer.byteLength - done, position + done, (error, count) => {
          if (error !== null) return reject(error);
          if (count === 0) return reject(new Error("a segment is shorter than its extents"));
          done += count;
          if (done === buffer.byteLength) resolve();
          else step();
        });
      step();
    });
  }

  /** The oldest of the queue, with those behind it that continue where it ends. */
  #writeNext(): void {
    const first = this.#queue[0];
    this.#writing = first !== undefined;
    if (first === undefined) return;
    let count = 1;
    let bytes = first.buffer.byteLength;
    for (; count < this.#queue.length; count++) {
      const next = this.#queue[count] as Write;
      if (next.position !== first.position + bytes || bytes + next.buffer.byteLength > writeBytes) break;
      bytes += next.buffer.byteLength;
    }
    const group = this.#queue.splice(0, count);
    this.#writeAll(
      group.map(({ buffer }) => buffer),
      first.position,
      (error) => {
        for (const { resolve, reject } of group)
          if (error === null) resolve();
          else reject(error);
        this.#writeNext();
      },
    );
  }

  #writeAll(buffers: readonly Uint8Array[], position: number, done: (error: NodeJS.ErrnoException | null) => void): void {
    writev(this.#handle, buffers, position, (error, written) => {
      if (error !== null) return done(error);
      let rest = written;
      let at = 0;
      while (at < buffers.length && rest >= (buffers[at] as Uint8Array).byteLength) rest -= (buffers[at++] as Uint8Array).byteLength;
      if (at === buffers.length) return done(null);
      this.#writeAll([(buffers[at] as Uint8Array).subarray(rest), ...buffers.slice(at + 1)], position + written, done);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => close(this.#handle, () => resolve()));
  }

  #sync(): Promise<void> {
    const running = new Promise<void>((resolve, reject) => {
      const fault = this.#faults.sync();
      if (fault !== null) return reject(fault);
      fdatasync(this.#handle, (error) => (error === null ? resolve() : reject(error)));
    });
    this.#running = running;
    // After a failure nobody may sync this descriptor again: a second sync can succeed although pages were lost. `#running` stays.
    void running.then(() => {
      if (this.#running === running) this.#running = null;
    }, noop);
    return running;
  }
}

function noop(): void {}
