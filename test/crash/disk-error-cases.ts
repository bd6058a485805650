import type { DiskError } from "./disk-errors.ts";

type Kind = Omit<DiskError, "when">;

const wal = { files: ["queue.sqlite-wal"] } as const;
const segments = { files: ["segments/000001.seg", "segments/000002.seg", "segments/000003.seg"] } as const;
const database = { files: ["queue.sqlite"] } as const;

/** What can go wrong where, and what must become of it. */
export const diskErrorKinds: readonly Kind[] = [
  { name: "no space for the WAL", calls: "pwrite64", ...wal, error: "ENOSPC", process: "goes on" },
  // When not even the ballast helps, a settlement cannot be written: then the process ends, because memory and disk would part.
  { name: "no space for a while", calls: "pwrite64", ...wal, error: "ENOSPC", process: "either" },
  { name: "WAL not written", calls: "pwrite64", ...wal, error: "EIO", process: "ends" },
  { name: "WAL not synced", calls: "fsync,fdatasync", ...wal, error: "EIO", process: "ends" },
  { name: "no space for a segment", calls: "pwrite64", ...segments, error: "ENOSPC", process: "goes on" },
  { name: "segment not written", calls: "pwrite64", ...segments, error: "EIO", process: "ends" },
  { name: "segment not synced", calls: "fsync,fdatasync", ...segments, error: "EIO", process: "ends" },
  { name: "no space for the database", calls: "pwrite64", ...database, error: "ENOSPC", process: "goes on" },
  { name: "database not written", calls: "pwrite64", ...database, error: "EIO", process: "ends" },
  { name: "database not synced", calls: "fsync,fdatasync", ...database, error: "EIO", process: "ends" },
];

export function kindNamed(name: string): Kind {
  const kind = diskErrorKinds.find((each) => each.name === name);
  if (kind === undefined) throw new Error(`no kind of disk error is named ${name}`);
  return kind;
}
