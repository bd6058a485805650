import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { dirname, join, resolve } from "node:path";
import { copyBeside } from "../beside.ts";
import { daysIn, fileOf } from "../history/day-file.ts";
import { schemaVersion } from "../migrations/migrate.ts";
import { nameOf } from "../content/segment-name.ts";
import type { MaintenanceOptions } from "./maintenance-protocol.ts";

/** Says that a folder is a whole backup; written last. */
export const manifestFile = "backup.json";

export interface Manifest {
  readonly product: "postern";
  readonly schema: number;
  readonly messages: number;
}

const pieceBytes = 1024 * 1024;

/**
 * Copies the store while it works. The queue's database comes first, as one snapshot; then the extents that the snapshot names, which nobody
 * uses again meanwhile (the main thread has frozen them); then the history, whose only writer is this thread; then what lies beside the store. The copy appears under its name
 * when all of it is on disk.
 */
export function backUp(
  queue: DatabaseSync,
  options: MaintenanceOptions,
  target: string,
  progress: (done: number, total: number) => void,
): void {
  if (existsSync(target) && readdirSync(target).length > 0) throw new Error(`${target} exists and is not empty`);
  const making = `${resolve(target)}.partial`;
  rmSync(making, { recursive: true, force: true });
  mkdirSync(making, { recursive: true, mode: 0o700 });
  try {
    queue.exec("PRAGMA query_only = OFF");
    queue.prepare("VACUUM INTO ?").run(join(making, "queue.sqlite"));
  } finally {
    queue.exec("PRAGMA query_only = ON");
  }
  using copy = new DatabaseSync(join(making, "queue.sqlite"), { readOnly: true });
  const days = daysIn(options.history);
  const extentBytes = Number(copy.prepare("SELECT coalesce(sum(length), 0) AS bytes FROM extent").get()?.["bytes"]);
  const queueBytes = statSync(join(making, "queue.sqlite")).size;
  const total = queueBytes + extentBytes + days.reduce((sum, day) => sum + statSync(join(options.history, fileOf(day))).size, 0);
  let done = queueBytes;
  const advance = (bytes: number): void => progress((done += bytes), total);
  advance(0);
  copyExtents(copy, options.segments, join(making, "segments"), advance);
  mkdirSync(join(making, "history"), { mode: 0o700 });
  for (const day of days) {
    const to = join(making, "history", fileOf(day));
    copyFileSync(join(options.history, fileOf(day)), to, constants.COPYFILE_FICLONE);
    syncPath(to);
    advance(statSync(to).size);
  }
  copyBeside(options.beside, options.directory, making);
  const messages = Number(copy.prepare("SELECT messages FROM totals").get()?.["messages"]);
  writeFileSync(
    join(making, manifestFile),
    `${JSON.stringify({ product: "postern", schema: schemaVersion, messages } satisfies Manifest)}\n`,
    { mode: 0o600 },
  );
  for (const path of ["queue.sqlite", manifestFile, "history", "segments", "."]) syncPath(join(making, path));
  renameSync(making, resolve(target));
  syncPath(dirname(resolve(target)));
}

function copyExtents(queue: DatabaseSync, from: string, to: string, advance: (bytes: number) => void): void {
  mkdirSync(to, { mode: 0o700 });
  const extents = queue.prepare("SELECT position, length FROM extent WHERE segment = ? ORDER BY position");
  const buffer = Buffer.allocUnsafeSlow(pieceBytes);
  for (const row of queue.prepare("SELECT DISTINCT segment FROM extent ORDER BY segment").all()) {
    const segment = Number(row["segment"]);
    const source = openSync(join(from, nameOf(segment)), "r");
    const copy = openSync(join(to, nameOf(segment)), "wx", 0o600);
    try {
      ftruncateSync(copy, statSync(join(from, nameOf(segment))).size);
      for (const { position, length } of extents.all(segment)) {
        copyRange(source, copy, Number(position), Number(length), buffer);
        advance(Number(length));
      }
      fsyncSync(copy);
    } finally {
      closeSync(source);
      closeSync(copy);
    }
  }
}

function copyRange(source: number, copy: number, position: number, length: number, buffer: Buffer): void {
  for (let at = 0; at < length;) {
    const read = readSync(source, buffer, 0, Math.min(buffer.length, length - at), position + at);
    if (read === 0) throw new Error("a segment is shorter than its extents");
    for (let written = 0; written < read;) written += writeSync(copy, buffer, written, read - written, position + at + written);
    at += read;
  }
}

function syncPath(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
