import { write, writeSync } from "node:fs";

/**
 * Lines to a descriptor, gathered and written in the background, one write at a time. Whoever writes never waits.
 *
 * A reader that stops reading costs a bounded amount of memory: lines beyond it are dropped, and how many is told when it reads on.
 * (The usual stream of the logging library costs 10 µs a line when lines come in bursts, this one well under 1 µs, and has no such bound.)
 */
export interface LineOutput extends AsyncDisposable {
  /** One line, with its line end. */
  write(line: string): void;
  /** Resolves when all of it is written; gives up on a reader that does not read. */
  drain(): Promise<void>;
  /** For a process that must end at once: writes what is not already being written. */
  flush(): void;
}

export interface LineOutputOptions {
  /** Characters gathered before they are written. */
  readonly gather?: number;
  /** Characters kept at most for a reader that is behind. */
  readonly most?: number;
  /** Longest time a line stays in the buffer. */
  readonly delayMs?: number;
  /** The line that tells of dropped ones. */
  readonly dropped: (count: number) => string;
}

const retryMs = 10;
/** Longest wait for a reader that is behind, at the end. */
const patienceMs = 2000;

export function openLineOutput(
  descriptor: number,
  { gather = 64 * 1024, most = 8 * 1024 ** 2, delayMs = 200, dropped }: LineOutputOptions,
): LineOutput {
  let lines: string[] = [];
  let length = 0;
  let lost = 0;
  /** What is being written, and from where on it is still to be. */
  let current: Buffer | null = null;
  let offset = 0;
  let timer: NodeJS.Timeout | undefined;
  let gone = false;
  /** Callers of `drain`. */
  const waiting: (() => void)[] = [];

  const arm = (ms: number) => {
    timer ??= setTimeout(() => {
      timer = undefined;
      pump();
    }, ms).unref();
  };
  const take = (): Buffer | null => {
    if (lines.length === 0) return null;
    if (lost > 0) {
      lines.push(dropped(lost));
      lost = 0;
    }
    const taken = Buffer.from(lines.join(""));
    lines = [];
    length = 0;
    return taken;
  };
  const pump = () => {
    if (current !== null || gone) return;
    current = take();
    offset = 0;
    if (current !== null) writeOn(current);
  };
  const settle = () => {
    current = null;
    if (length >= gather || (length > 0 && waiting.length > 0)) pump();
    else if (length > 0) arm(delayMs);
    if (current === null) for (const resolve of waiting.splice(0)) resolve();
  };
  const writeOn = (bytes: Buffer) => {
    write(descriptor, bytes, offset, bytes.length - offset, null, (error, written) => {
      if (error === null) {
        offset += written;
        if (offset < bytes.length) writeOn(bytes);
        else settle();
      } else if (error.code === "EAGAIN") {
        setTimeout(() => writeOn(bytes), retryMs).unref();
      } else {
        // Nobody reads any more (a closed pipe), or the log's disk is full: there is no place to complain. The next lines may fare better.
        gone = error.code === "EPIPE" || error.code === "EBADF";
        settle();
      }
    });
  };
  const drain = async () => {
    pump();
    if (current === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push(resolve);
    const patience = setTimeout(resolve, patienceMs);
    await promise;
    clearTimeout(patience);
  };
  const flush = () => {
    const bytes = gone ? null : take();
    const deadline = performance.now() + patienceMs;
    for (let at = 0; bytes !== null && at < bytes.length && performance.now() < deadline;) {
      try {
        at += writeSync(descriptor, bytes, at, bytes.length - at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
      }
    }
  };
  return {
    write(line) {
      if (length + line.length > most) {
        lost++;
        return;
      }
      lines.push(line);
      length += line.length;
      if (length >= gather) pump();
      else arm(delayMs);
    },
    drain,
    flush,
    [Symbol.asyncDispose]: async () => {
      await drain();
      clearTimeout(timer);
    },
  };
}
