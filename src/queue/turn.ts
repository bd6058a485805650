import { Fifo } from "../lib/fifo.ts";
import type { LimitName } from "../limits/limits.ts";
import type { Priority } from "../mail/priority.ts";
import type { RecipientClass } from "../routing/decide.ts";
import { FairRing } from "./fair-ring.ts";
import type { Job } from "./job.ts";
import type { Lane } from "./lanes.ts";
import type { Outlet } from "./outlet.ts";

/** What waits at one route with one priority for one class of recipients, and the gate before it. */
export interface Turn {
  readonly priority: Priority;
  /** external: also lanes of both classes. */
  readonly recipientClass: RecipientClass;
  /** Lanes with jobs in memory whose place this is. */
  readonly ring: FairRing;
  /** Jobs that came over from a route that failed them; served first, for they have waited longest. */
  readonly moved: Fifo<Job>;
  /** Lanes with due work in the store that may not come into memory for now: behind the gate there are enough. */
  readonly waiting: FairRing;
  /** Lanes that may, and whose claim is under way. */
  readonly coming: FairRing;
  readonly gate: Gate;
}

/** Closed while a limit leaves no room for any mail of the turn. What is behind it stands still and keeps its order. */
export interface Gate {
  isClosed: boolean;
  /** The limit that closed it last; null: none ever did. */
  limit: LimitName | null;
  /** When it was closed last. */
  since: number;
  /** When it is opened, or was opened last; the limit must be asked then. -Infinity: it was never closed. */
  until: number;
  timer: Disposable | null;
  /** When the operator was told last. */
  toldAt: number;
}

/** Of these, the first two are transactional; lanes.ts has the number of each lane's. */
export type Turns = readonly [Turn, Turn, Turn, Turn];

export function openTurns(): Turns {
  const turn = (priority: Priority, recipientClass: RecipientClass): Turn => ({
    priority,
    recipientClass,
    ring: new FairRing(),
    moved: new Fifo(),
    waiting: new FairRing(),
    coming: new FairRing(),
    gate: { isClosed: false, limit: null, since: -Infinity, until: -Infinity, timer: null, toldAt: -Infinity },
  });
  return [turn("transactional", "internal"), turn("transactional", "external"), turn("bulk", "internal"), turn("bulk", "external")];
}

/** Bulk mail goes first once after so many transactional attempts, so that no flood of those keeps it out for ever. */
const transactionalRun = 9;
/** A route with so many places keeps one free of bulk mail, so that none of the urgent ever waits for the end of a newsletter's attempt. */
const placesToKeepOne = 4;

/** Whose turn it is: transactional mail before bulk, internal and external in turns; null: nobody is ready. */
export function nextTurn(outlet: Outlet): Turn | null {
  const { turns, active, activeBulk } = outlet;
  const { concurrency } = outlet.route.traits;
  const first = readyOf(turns[0], turns[1], outlet.isInternalServed.transactional);
  const isBulkNext = outlet.transactionalRun >= transactionalRun;
  if (first !== null && !isBulkNext) return first;
  // Where all places are taken all the time, the one that becomes free is the one to keep: bulk mail whose turn it is gets that.
  const taken = isBulkNext && first !== null ? activeBulk : active;
  const bulk =
    concurrency >= placesToKeepOne && taken >= concurrency - 1 ? null : readyOf(turns[2], turns[3], outlet.isInternalServed.bulk);
  return bulk ?? first;
}

function readyOf(one: Turn, other: Turn, swapped: boolean): Turn | null {
  if (swapped) return isReady(other) ? other : isReady(one) ? one : null;
  return isReady(one) ? one : isReady(other) ? other : null;
}

function isReady({ ring, moved, gate }: Turn): boolean {
  return (ring.size > 0 || moved.size > 0) && !gate.isClosed;
}

/** An attempt of the turn begins. */
export function turnTaken(outlet: Outlet, { priority, recipientClass }: Turn): void {
  outlet.isInternalServed[priority] = recipientClass === "internal";
  outlet.transactionalRun = priority === "bulk" ? 0 : outlet.transactionalRun + 1;
  outlet.active++;
  if (priority === "bulk") outlet.activeBulk++;
}

/** It has ended. */
export function turnEnded(outlet: Outlet, { priority }: Lane): void {
  outlet.active--;
  if (priority === "bulk") outlet.activeBulk--;
}

/** The lane takes its place there, and nowhere else. */
export function enter(lane: Lane, turn: Turn): void {
  if (lane.place === turn) return;
  leave(lane);
  turn.ring.add(lane);
  lane.place = turn;
}

export function leave(lane: Lane): void {
  lane.place?.ring.delete(lane);
  lane.place = null;
}

/** Takes jobs out of the lane until so many are left, the oldest, so that the order is kept. */
export function shorten(lane: Lane, keep: number): readonly Job[] {
  if (lane.jobs.size <= keep) return [];
  const jobs = [...lane.jobs.drain()];
  for (const job of jobs.splice(0, keep)) lane.jobs.push(job);
  if (keep === 0) leave(lane);
  return jobs;
}

/** Jobs in memory that stand before a gate until the clock opens it. */
export function jobsAtGates(outlets: Iterable<Outlet>, now: number): number {
  let jobs = 0;
  for (const { turns } of outlets) {
    for (const { gate, ring, moved } of turns) {
      if (!gate.isClosed || gate.until <= now) continue;
      jobs += moved.size;
      for (const lane of ring) jobs += lane.jobs.size;
    }
  }
  return jobs;
}
