import { join } from "node:path";
import { writtenBy, type SystemCall } from "../support/system-calls.ts";
import { tokenPattern, findToken } from "../support/token-message.ts";
import type { SentMessage } from "../support/mail-load.ts";

/**
 * Reads from a trace whether every positive reply came after the sync that covers its message.
 *
 * A message is covered when its transaction is on disk: the frames of the WAL that hold its row, up to the frame that commits them, were
 * written, then a sync of the WAL began and returned 0, then the write of the reply began. A large one also needs each segment it lies in
 * synced after its last byte was written there, and before the transaction that names it.
 */
export interface OrderReport {
  readonly replies: number;
  readonly large: number;
  /** What is wrong, a line each. */
  readonly violations: readonly string[];
}

interface Frames {
  /** By token: place among `commits` of the transaction that first held it. */
  readonly transactionOf: ReadonlyMap<string, number>;
  /** Begin of the first frame and end of the last, by transaction. */
  readonly spans: readonly { readonly begin: number; readonly end: number }[];
}

const headerBytes = 24;
const pageBytes = 4096;

export function checkReplyOrder(calls: readonly SystemCall[], data: string, messages: readonly SentMessage[]): OrderReport {
  const wal = join(data, "queue.sqlite-wal");
  const segments = join(data, "segments");
  const { transactionOf, spans } = readFrames(calls, wal);
  const walSyncs = syncsOf(calls, (path) => path === wal);
  const segmentWrites = readSegmentWrites(calls, segments);
  const segmentSyncs = new Map<string, SystemCall[]>();
  for (const call of syncsOf(calls, (path) => path.startsWith(segments))) push(segmentSyncs, call.path as string, call);

  const replies = new Map<string, SystemCall>();
  for (const call of calls) {
    if (!/^(?:write|writev|sendto|sendmsg)$/.test(call.name)) continue;
    for (const [, id] of call.args.matchAll(/250 2\.0\.0 Ok: queued as (\w+)/g)) replies.set(id as string, call);
  }

  const violations: string[] = [];
  let large = 0;
  for (const { token, id, state } of messages) {
    if (state !== "accepted" || id === null) continue;
    const reply = replies.get(id);
    const transaction = transactionOf.get(token);
    if (reply === undefined || transaction === undefined) {
      violations.push(`${token}: ${reply === undefined ? "its reply" : "its row"} is not in the trace`);
      continue;
    }
    const { begin, end } = spans[transaction] as { begin: number; end: number };
    if (!walSyncs.some((sync) => sync.begin > end && (sync.end as number) < reply.begin))
      violations.push(
        `${token}: the reply was written at line ${reply.begin}, its row at ${begin} to ${end}, and no sync of the WAL lies between`,
      );
    const writes = segmentWrites.get(token);
    if (writes === undefined) continue;
    large++;
    for (const write of writes) {
      const syncs = segmentSyncs.get(write.path as string) ?? [];
      const covered = write.end !== null && syncs.some((sync) => sync.begin > (write.end as number) && (sync.end as number) < begin);
      if (!covered) violations.push(`${token}: line ${write.begin} wrote its content, and no sync lies between it and its row at ${begin}`);
    }
  }
  return { replies: replies.size, large, violations };
}

/** Syncs that returned success. */
function syncsOf(calls: readonly SystemCall[], of: (path: string) => boolean): readonly SystemCall[] {
  return calls.filter(
    ({ name, path, result, end }) => /^f(?:data)?sync$/.test(name) && path !== null && of(path) && result === 0 && end !== null,
  );
}

/** SQLite writes a frame as a header of 24 bytes and a page; the header of a transaction's last frame has a size of the database in it. */
function readFrames(calls: readonly SystemCall[], wal: string): Frames {
  const transactionOf = new Map<string, number>();
  const spans: { begin: number; end: number }[] = [];
  let begin: number | null = null;
  let commits = false;
  for (const call of calls) {
    if (call.path !== wal || call.name !== "pwrite64") continue;
    const { data } = writtenBy(call);
    if (data === null && call.args.length < pageBytes * 2) throw new Error(`line ${call.begin}: zeros in the WAL that are no fill`);
    if (data === null) continue;
    begin ??= call.begin;
    if (data.length === headerBytes) commits = data.readUInt32BE(4) !== 0;
    if (data.length !== pageBytes) continue;
    for (const [token] of data.toString("latin1").matchAll(tokenPattern))
      if (!transactionOf.has(token)) transactionOf.set(token, spans.length);
    if (!commits) continue;
    spans.push({ begin, end: call.end ?? Infinity });
    begin = null;
    commits = false;
  }
  return { transactionOf, spans };
}

function readSegmentWrites(calls: readonly SystemCall[], segments: string): Map<string, SystemCall[]> {
  const byToken = new Map<string, SystemCall[]>();
  for (const call of calls) {
    if (call.path === null || !call.path.startsWith(segments) || call.name !== "pwrite64") continue;
    const { data } = writtenBy(call);
    const token = data === null ? null : findToken(data.toString("latin1"));
    if (token !== null) push(byToken, token, call);
  }
  return byToken;
}

function push<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const already = map.get(key);
  if (already === undefined) map.set(key, [value]);
  else already.push(value);
}
