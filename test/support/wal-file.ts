import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { tokenPattern } from "./token-message.ts";

/** SQLite's write-ahead log as it lies there: the frames of its present run, by the format's description (sqlite.org/fileformat2.html#walformat). */
export interface WalFile {
  /** End of the last frame that a commit makes valid. */
  readonly end: number;
  /** End of the frames that are in the database as well. */
  readonly copiedEnd: number;
  /** By token: end of the transaction that first held it. */
  readonly committedAt: ReadonlyMap<string, number>;
}

const headerBytes = 32;
const frameHeaderBytes = 24;

export function readWal(database: string): WalFile {
  const bytes = readFileSync(`${database}-wal`);
  const pageBytes = bytes.readUInt32BE(8);
  const frameBytes = frameHeaderBytes + pageBytes;
  const salt = bytes.subarray(16, 24);
  const committedAt = new Map<string, number>();
  let end = headerBytes;
  let open = new Set<string>();
  for (let at = headerBytes; at + frameBytes <= bytes.length && bytes.subarray(at + 8, at + 16).equals(salt); at += frameBytes) {
    const page = bytes.toString("latin1", at + frameHeaderBytes, at + frameBytes);
    for (const [token] of page.matchAll(tokenPattern)) open.add(token);
    if (bytes.readUInt32BE(at + 4) === 0) continue;
    end = at + frameBytes;
    for (const token of open) if (!committedAt.has(token)) committedAt.set(token, end);
    open = new Set();
  }
  return { end, copiedEnd: headerBytes + readCopiedFrames(`${database}-shm`) * frameBytes, committedAt };
}

/** `nBackfill` of the index of the WAL, behind the two copies of its header. */
function readCopiedFrames(shm: string): number {
  const handle = openSync(shm, "r");
  try {
    const count = Buffer.alloc(4);
    if (fstatSync(handle).size < 100) return 0;
    readSync(handle, count, 0, 4, 96);
    return count.readUInt32LE();
  } finally {
    closeSync(handle);
  }
}
