import { close, fdatasync, open, read, write } from "node:fs";

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

/**
 * One open segment. Writes and syncs run in libuv's pool.
 *
 * `sync` is shared: one that runs serves everybody whose writes ended before it began; who comes while it runs waits for the next, together
 * with all others who came.
 */
export class SegmentFile {
  readonly #handle: number;
  readonly #faults: FaultPlan;
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
      let done = 0;
      const step = (): void =>
        write(this.#handle, buffer, done, buffer.byteLength - done, position + done, (error, written) => {
          if (error !== null) return reject(error);
          done += written;
          if (done === buffer.byteLength) resolve();
          else step();
        });
      step();
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
