import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { writtenBy, type SystemCall } from "./system-calls.ts";

/**
 * What a disk may hold after the power went at some moment of a traced run.
 *
 * The rules are those of POSIX, not the kinder ones of a certain file system: a sync that has returned makes durable what was written to
 * that file (its size too) before the sync began; a sync of a directory makes durable the names that were made, moved or removed in it
 * before. Of everything else any subset may be there, and a write may be there in part, in whole sectors. Nothing is there that was never
 * written. Files begin as they were at the beginning of the trace: there were none.
 */
export interface DiskModel {
  /** Lines of the trace, from the first call of interest to the last. */
  readonly first: number;
  readonly last: number;
  /** Writes the files of a disk that lost its power at the line `cut` into an empty folder. */
  build(cut: number, choice: Choice, folder: string): Surviving;
}

/** What becomes of that which no sync covers. */
export interface Choice {
  readonly random: () => number;
  /** Of writes and changes of size. */
  readonly fate: Fate;
}

/** all: every one reached the disk; none; some: each by chance, in whole or torn; first: in order, up to one that is torn. */
export type Fate = "all" | "none" | "some" | "first";
export const fates: readonly Fate[] = ["some", "first", "none", "all"];

export interface Surviving {
  /** Changes that no sync covered, and how many of them were left out or torn. */
  readonly unsynced: number;
  readonly harmed: number;
}

/** Pretends that some syncs did nothing; for showing that the checks can fail. */
export type Ignored = (call: SystemCall) => boolean;

const sectorBytes = 512;

interface Change {
  readonly begin: number;
  readonly end: number;
  readonly offset: number;
  readonly length: number;
  /** null: zeros; "size": the file ends at `length`. */
  readonly data: Buffer | null | "size";
}

interface Inode {
  readonly changes: Change[];
  readonly syncs: Sync[];
}

interface Sync {
  readonly begin: number;
  readonly end: number;
}

/** A name that was made (`inode`; "folder"), moved (`from`) or removed (null). */
interface Naming {
  readonly begin: number;
  readonly end: number;
  readonly path: string;
  readonly inode: Inode | "folder" | null;
  readonly from?: string;
}

/** Rebuilt by whoever opens the store (the index of the WAL), or of no use to the next run. */
const left = /(?:-shm|\.sock|lock\.sqlite.*|admin-token)$/;

export function modelDisk(calls: readonly SystemCall[], root: string, ignored: Ignored = () => false): DiskModel {
  const names = new Map<string, Inode>();
  const namings: Naming[] = [];
  const folderSyncs = new Map<string, Sync[]>([[root, []]]);
  const inside = (path: string | null | undefined): path is string =>
    typeof path === "string" && path.startsWith(`${root}/`) && !left.test(path);

  for (const call of calls) {
    const { name, path, begin, result } = call;
    const end = call.end ?? Infinity;
    const quoted = [...call.args.slice(0, 2000).matchAll(/"([^"]*)"/g)].map(([, text]) => text as string);
    // What failed changed nothing; what did not return may have.
    if (result !== null && result < 0) continue;
    switch (name) {
      case "openat": {
        const target = quoted[0];
        if (!inside(target) || !call.args.includes("O_CREAT")) break;
        let inode = names.get(target);
        if (inode === undefined) {
          inode = { changes: [], syncs: [] };
          names.set(target, inode);
          namings.push({ begin, end, path: target, inode });
        }
        if (call.args.includes("O_TRUNC")) inode.changes.push({ begin, end, offset: 0, length: 0, data: "size" });
        break;
      }
      case "mkdir": {
        const target = quoted[0];
        if (!inside(target)) break;
        folderSyncs.set(target, []);
        namings.push({ begin, end, path: target, inode: "folder" });
        break;
      }
      case "rename": {
        const [from, to] = quoted;
        const inode = from === undefined ? undefined : names.get(from);
        if (!inside(from) || !inside(to) || inode === undefined) break;
        names.delete(from);
        names.set(to, inode);
        namings.push({ begin, end, path: to, inode, from });
        break;
      }
      case "unlink": {
        const target = quoted[0];
        if (!inside(target)) break;
        names.delete(target);
        namings.push({ begin, end, path: target, inode: null });
        break;
      }
      case "pwrite64":
        if (inside(path)) names.get(path)?.changes.push({ begin, end, ...writtenBy(call) });
        break;
      case "ftruncate":
        if (inside(path)) {
          const length = Number(/^(\d+)/.exec(call.args)?.[1]);
          names.get(path)?.changes.push({ begin, end, offset: 0, length, data: "size" });
        }
        break;
      case "fsync":
      case "fdatasync":
        // One that had not returned promised nothing.
        if (path === null || result !== 0 || call.end === null || ignored(call)) break;
        (names.get(path)?.syncs ?? folderSyncs.get(path))?.push({ begin, end: call.end });
        break;
      default:
        if (inside(path)) throw new Error(`${name} changes ${path}: the model does not know it`);
    }
  }

  const build = (cut: number, { random, fate }: Choice, folder: string): Surviving => {
    let [unsynced, harmed] = [0, 0];
    const held = new Map<string, Inode | "folder">();
    const happened = namings.filter(({ begin }) => begin < cut);
    let going = true;
    const keeps = (): boolean => {
      unsynced++;
      const kept = fate === "all" || (fate === "some" && random() < 0.5) || (fate === "first" && going && random() < 0.8);
      if (!kept) going = false;
      if (!kept) harmed++;
      return kept;
    };
    for (const naming of happened) {
      const { path, inode, from } = naming;
      if (!isDurable(naming, folderSyncs.get(dirname(path)) ?? [], cut) && !keeps()) continue;
      if (from !== undefined) held.delete(from);
      if (inode === null) held.delete(path);
      else held.set(path, inode);
    }
    for (const [path, inode] of held) {
      const target = join(folder, relative(root, path));
      if (inode === "folder") {
        mkdirSync(target, { recursive: true });
        continue;
      }
      mkdirSync(dirname(target), { recursive: true });
      const survived = writeFile(target, inode, cut, random, fate);
      unsynced += survived.unsynced;
      harmed += survived.harmed;
    }
    return { unsynced, harmed };
  };
  return { first: calls[0]?.begin ?? 0, last: calls.at(-1)?.begin ?? 0, build };
}

function isDurable({ end }: { readonly end: number }, syncs: readonly Sync[], cut: number): boolean {
  return syncs.some((sync) => sync.begin > end && sync.end < cut);
}

function writeFile(target: string, { changes, syncs }: Inode, cut: number, random: () => number, fate: Fate): Surviving {
  const handle = openSync(target, "w", 0o600);
  let [unsynced, harmed, size, dirtyUntil] = [0, 0, 0, 0];
  const put = (data: Buffer, offset: number): void => {
    for (let done = 0; done < data.length;) done += writeSync(handle, data, done, data.length - done, offset + done);
    dirtyUntil = Math.max(dirtyUntil, offset + data.length);
    size = Math.max(size, offset + data.length);
  };
  const apply = ({ data, offset, length }: Change): void => {
    if (data === "size") {
      ftruncateSync(handle, length);
      size = length;
      dirtyUntil = Math.min(dirtyUntil, length);
    } else if (data !== null) put(data, offset);
    else if (offset >= dirtyUntil) size = Math.max(size, offset + length);
    else put(Buffer.alloc(length), offset);
  };
  // The latest sync decides: what was written before it began is there.
  let synced = -1;
  for (const { begin, end } of syncs) if (end < cut) synced = Math.max(synced, begin);
  let going = true;
  try {
    for (const change of changes) {
      if (change.begin >= cut) break;
      if (change.end < synced) {
        apply(change);
        continue;
      }
      unsynced++;
      if (fate === "all") apply(change);
      else if (fate === "none" || !going) harmed++;
      else {
        const chance = random();
        if (chance < (fate === "first" ? 0.75 : 0.4)) apply(change);
        else {
          harmed++;
          if (fate === "first") going = false;
          if (chance < 0.9 && change.data !== "size") tear(change, random, apply);
        }
      }
    }
    ftruncateSync(handle, size);
  } finally {
    closeSync(handle);
  }
  return { unsynced, harmed };
}

/** Some of the sectors that a write touches are new, the others keep what they had. */
function tear(change: Change, random: () => number, apply: (part: Change) => void): void {
  const { offset, length, data } = change;
  const inOrder = random() < 0.5;
  const stop = offset + random() * length;
  for (let at = offset; at < offset + length;) {
    const next = Math.min(offset + length, (Math.floor(at / sectorBytes) + 1) * sectorBytes);
    const there = inOrder ? at < stop : random() < 0.5;
    const part = data instanceof Buffer ? data.subarray(at - offset, next - offset) : null;
    if (there) apply({ ...change, offset: at, length: next - at, data: part });
    at = next;
  }
}
