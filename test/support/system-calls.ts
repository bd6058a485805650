import { readFileSync } from "node:fs";

/**
 * Reads what `strace -f -y -o FILE` wrote.
 *
 * Order is what a trace is worth: a call that is on one line had no other traced call between its beginning and its end; one that was
 * interrupted begins at its line with `<unfinished ...>` and ends at the one with `resumed`. A thread is stopped at both ends until the
 * tracer has written them down, so that what caused something stands before it.
 */
export interface SystemCall {
  readonly thread: number;
  readonly name: string;
  /** Line of its beginning. */
  readonly begin: number;
  /** Line of its end; null: it never returned. */
  end: number | null;
  /** Of the descriptor that is the first argument; null: it has none, or a socket. */
  readonly path: string | null;
  /** Arguments as strace prints them, without those of a result. */
  args: string;
  /** -1 for an error. */
  result: number | null;
  /** Path of the descriptor that an `openat` gave. */
  resultPath: string | null;
}

/** What must be traced for the checks of this folder. */
export const tracedCalls = [
  "openat",
  ...["write", "writev", "sendto", "sendmsg", "pwrite64", "pwritev", "pwritev2"],
  ...["ftruncate", "fallocate", "fdatasync", "fsync", "copy_file_range"],
  ...["rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat"],
] as const;

/** Data of one call beyond this is cut off; only the fills with zeros are longer. */
export const traceBytes = 300_000;

/** Arguments that run a program under strace. */
export function straceTo(file: string): readonly string[] {
  return [
    "strace",
    "-f",
    "-y",
    "--seccomp-bpf",
    "-qq",
    "-s",
    String(traceBytes),
    "-o",
    file,
    "-e",
    `trace=${tracedCalls.join(",")}`,
    "-e",
    "signal=none",
  ];
}

const beginning = /^(\d+) +(\w+)\((?:(?:AT_FDCWD|\d+)<([^>]*)>)?(?:\(deleted\))?(?:, )?/;
const resumption = /^(\d+) +<\.\.\. (\w+) resumed>/;
const ending = /\) += (-?\d+)(?:<([^>]*)>)?[^=]*$/;

/** Reads a trace; `wanted` chooses calls by their line, so that nobody keeps what Node.js loads. */
export function readTrace(file: string, wanted: (line: string) => boolean): SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<number, SystemCall>();
  let number = 0;
  for (const line of linesOf(readFileSync(file))) {
    number++;
    const resumed = resumption.exec(line);
    if (resumed !== null) {
      const thread = Number(resumed[1]);
      const call = open.get(thread);
      open.delete(thread);
      if (call !== undefined && call.name === resumed[2]) finish(call, number, line.slice(resumed[0].length));
      continue;
    }
    if (!wanted(line)) continue;
    const begun = beginning.exec(line);
    if (begun === null) continue;
    const [all, thread, name, path] = begun as unknown as [string, string, string, string | undefined];
    const call: SystemCall = {
      thread: Number(thread),
      name,
      begin: number,
      end: null,
      path: path !== undefined && path.startsWith("/") ? path : null,
      args: line.slice(all.length),
      result: null,
      resultPath: null,
    };
    calls.push(call);
    if (call.args.endsWith("<unfinished ...>")) {
      call.args = call.args.slice(0, -"<unfinished ...>".length);
      open.set(call.thread, call);
    } else {
      const rest = call.args;
      call.args = "";
      finish(call, number, rest);
    }
  }
  return calls;
}

function finish(call: SystemCall, line: number, rest: string): void {
  // The result is near the end; what stands before may be megabytes of data.
  const tail = rest.slice(-400);
  const end = ending.exec(tail);
  if (end === null) return;
  call.end = line;
  call.result = Number(end[1]);
  call.resultPath = end[2] ?? null;
  call.args += rest.slice(0, rest.length - tail.length + end.index);
}

function* linesOf(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length;) {
    let end = bytes.indexOf(10, at);
    if (end < 0) end = bytes.length;
    yield bytes.toString("latin1", at, end);
    at = end + 1;
  }
}

/** A piece of a file that a call wrote. `data` null: `length` zeros. */
export interface Written {
  readonly offset: number;
  readonly length: number;
  readonly data: Buffer | null;
}

/** Of a `pwrite64`; throws for a form that this reader does not know, because a write that is overlooked proves nothing. */
export function writtenBy({ name, args, result }: SystemCall): Written {
  const match = /^"((?:[^"\\]|\\[^])*)"(\.\.\.)?, (\d+), (\d+)$/.exec(args.trim());
  if (name !== "pwrite64" || match === null) throw new Error(`a write in an unknown form: ${name}(${args.slice(0, 100)}`);
  const [, text, cut, asked, offset] = match as unknown as [string, string, string | undefined, string, string];
  // Cut short by the kernel, or never returned: any part may have been written; the whole is what may be there.
  const length = result === null ? Number(asked) : Math.max(0, result);
  if (/^(?:\\0)*$/.test(text)) return { offset: Number(offset), length, data: null };
  if (cut !== undefined) throw new Error(`data of ${asked} bytes was cut off: trace more`);
  return { offset: Number(offset), length, data: unescape(text).subarray(0, length) };
}

const simple: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, f: 12, v: 11, '"': 34, "\\": 92 };

/** The bytes of a string as strace prints it: C escapes, octal ones no longer than needed. */
export function unescape(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code !== 92) {
      bytes[length++] = code;
      at++;
      continue;
    }
    const next = text.charAt(at + 1);
    const known = simple[next];
    if (known !== undefined) {
      bytes[length++] = known;
      at += 2;
      continue;
    }
    let value = 0;
    let digits = 0;
    for (; digits < 3; digits++) {
      const digit = text.charCodeAt(at + 1 + digits) - 48;
      if (!(digit >= 0 && digit < 8)) break;
      value = value * 8 + digit;
    }
    if (digits === 0) throw new Error(`an escape in an unknown form: ${text.slice(at, at + 10)}`);
    bytes[length++] = value;
    at += 1 + digits;
  }
  return bytes.subarray(0, length);
}
