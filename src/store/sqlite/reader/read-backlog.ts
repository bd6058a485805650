import { domainOf } from "../../../mail/address.ts";
import type { BacklogSample, LaneBacklog } from "../../../queue/archive.ts";
import { messageOf } from "../packing.ts";
import { stateCodes } from "../state-codes.ts";

type Row = readonly (number | string | null)[];

const stepMs = 60_000;
/** Messages looked at in each lane, and in all: a forecast of a large backlog is no reason to read it. */
const samplesEach = 50;
const samplesInAll = 2000;

const nothing = new Uint8Array(0);

/** What waits, by lane and time; from the index of what is due, and of the few that are leased. */
export function readBacklog(all: (sql: string, ...args: number[]) => readonly Row[], now: number): readonly LaneBacklog[] {
  const { queued, leased } = stateCodes;
  const lanes = new Map<number, Map<number, number>>();
  const add = (lane: number, at: number, recipients: number): void => {
    const due = lanes.get(lane);
    if (due === undefined) lanes.set(lane, new Map([[at, recipients]]));
    else due.set(at, (due.get(at) ?? 0) + recipients);
  };
  const steps = all(
    `SELECT lane, max(0, (not_before - CAST(?1 AS INTEGER) + ${stepMs - 1}) / ${stepMs}) AS step, count(*) FROM recipient WHERE state = ${queued} GROUP BY lane, step ORDER BY step`,
    now,
  );
  for (const [lane, , recipients] of all(`SELECT lane, 0, count(*) FROM recipient WHERE state = ${leased} GROUP BY lane`))
    add(lane as number, now, recipients as number);
  for (const [lane, step, recipients] of steps) add(lane as number, now + (step as number) * stepMs, recipients as number);
  const each = Math.max(1, Math.min(samplesEach, Math.floor(samplesInAll / Math.max(1, lanes.size))));
  return [...lanes].map(([lane, due]) => ({ due: [...due], samples: samplesOf(all, lane, each) }));
}

function samplesOf(all: (sql: string, ...args: number[]) => readonly Row[], lane: number, most: number): readonly BacklogSample[] {
  const { queued, leased } = stateCodes;
  const messages = new Set<number>();
  for (const state of [queued, leased]) {
    const sql = `SELECT message FROM recipient WHERE state = ${state} AND lane = ? ORDER BY not_before LIMIT ${most}`;
    for (const [message] of messages.size < most ? all(sql, lane) : []) messages.add(message as number);
  }
  return [...messages].flatMap((id) => {
    const [row] = all("SELECT meta, extents, prefix_size FROM message WHERE id = ?", id);
    const [mine] = all(
      `SELECT count(*), min(address) FROM recipient WHERE message = ? AND lane = ? AND state IN (${queued}, ${leased})`,
      id,
      lane,
    );
    const [recipients, address] = mine as readonly [number, string | null];
    // It may have been settled since.
    if (row === undefined || address === null) return [];
    const { principal, priority, reversePath, author, dsnFor, smtputf8, content } = messageOf(
      row[0] as string,
      row[1] as string | null,
      nothing,
    );
    const facts = { principal, reversePath, author, size: content.size + (row[2] as number), domain: domainOf(address), recipients };
    return [
      {
        ...facts,
        ...(priority === undefined ? {} : { priority }),
        ...(dsnFor === undefined ? {} : { dsnFor }),
        ...(smtputf8 === undefined ? {} : { smtputf8 }),
      },
    ];
  });
}
