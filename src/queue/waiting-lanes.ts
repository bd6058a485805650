import { isClosedForLong, patienceMs } from "./candidates.ts";
import { maxLaneJobs } from "./feeder.ts";
import type { Lane } from "./lanes.ts";
import type { Room } from "./room.ts";
import type { Gate, Turn } from "./turn.ts";

/** Jobs of one lane in memory at most where a gate sets the pace. */
const pacedJobs = 8;
/** Lanes behind one gate in memory; of a principal that has none, one more always. */
const pacedLanes = 16;
/** So many of them even when memory is crowded, for others may crowd it for ever; and no more behind a gate that was closed for long. */
const leastLanes = 2;
/** A gate that was closed a moment ago sets the pace still: it will close again. */
const pacedMs = 60_000;

/**
 * How much of a lane may be in memory while a gate sets the pace: a little of a few lanes, the others wait for a place in the store, by turns.
 * So a day's backlog behind a limit costs a claim for every few attempts, and leaves the memory to what can go.
 */
export class WaitingLanes {
  readonly #room: Room;
  /** Lets a lane ask for work again. */
  readonly #consider: (lane: Lane) => void;
  readonly #turns = new Set<Turn>();
  /** Lanes that were let in and whose claim has not ended. */
  readonly #coming = new Map<Lane, Turn>();
  #called: Lane | null = null;

  constructor(room: Room, consider: (lane: Lane) => void) {
    this.#room = room;
    this.#consider = consider;
  }

  /** Turns with lanes that wait. */
  get size(): number {
    return this.#turns.size;
  }

  /** Jobs that a lane may have in memory whose home is this turn; 0: it is called when it may. `came` follows unless it is 0. */
  mostJobs(lane: Lane, turn: Turn, now: number): number {
    const { gate, ring, coming, waiting } = turn;
    if (!isPaced(gate, now)) return maxLaneJobs;
    const isLong = isClosedForLong(gate, now);
    if (this.#coming.get(lane) === turn && !isLong) return pacedJobs;
    this.came(lane);
    const lanes = ring.lanes + coming.lanes;
    // A principal has one lane there whatever the others have; for the rest, whoever was called comes before who asks again.
    const isAlone = lane.place !== turn && !ring.has(lane.principal) && !coming.has(lane.principal);
    const isNext = lane === this.#called || waiting.size === 0;
    const isFree = isAlone || (isNext && (lane.place === turn || lanes < pacedLanes));
    // What was closed for long will soon be again, as a rule, and what is in memory then was claimed in vain.
    const wasLong = gate.until - gate.since > patienceMs;
    if (isFree && !isLong && (lanes < leastLanes || (!this.#room.isCrowded && !wasLong))) {
      this.#coming.set(lane, turn);
      coming.add(lane);
      return pacedJobs;
    }
    waiting.add(lane);
    this.#turns.add(turn);
    return 0;
  }

  /** The lane's claim has ended, or it needed none. */
  came(lane: Lane): void {
    this.#coming.get(lane)?.coming.delete(lane);
    this.#coming.delete(lane);
  }

  /** Whether a new job of the lane may go into memory without a claim: not before those that wait for a place or are being claimed. */
  mayEnter(lane: Lane, { gate, waiting }: Turn, now: number): boolean {
    if (!isPaced(gate, now)) return lane.jobs.size < maxLaneJobs;
    if (lane.claiming || waiting.has(lane.principal)) return false;
    return lane.jobs.size < pacedJobs && !isClosedForLong(gate, now) && !this.#room.isCrowded;
  }

  /** A place may have become free: one lane of each turn asks again. */
  call(): void {
    // Who may not come is there again at the end, so that the set changes: a copy.
    for (const turn of [...this.#turns]) this.callFor(turn);
  }

  callFor(turn: Turn): void {
    const { waiting } = turn;
    for (let { lanes } = waiting, lane = waiting.take(); lane !== undefined; lanes--, lane = waiting.take()) {
      this.#called = lane;
      this.#consider(lane);
      this.#called = null;
      // Who has found another way, or nothing waits for any more, has not used up the turn.
      if (this.#coming.has(lane) || waiting.lanes === lanes) break;
    }
    if (waiting.size === 0) this.#turns.delete(turn);
  }

  /** The route of the turn is out of service: its lanes ask again, for there may be another. */
  dismiss({ waiting }: Turn): void {
    for (const lane of [...waiting]) {
      waiting.delete(lane);
      this.#consider(lane);
    }
  }

  /** Jobs of a lane that may stay in memory when its gate closes for a moment. @param lanes that keep some already */
  mayKeep(lanes: number): number {
    if (!this.#room.isCrowded) return maxLaneJobs;
    return lanes < pacedLanes ? pacedJobs : 0;
  }
}

function isPaced({ isClosed, until }: Gate, now: number): boolean {
  return isClosed || now - until <= pacedMs;
}
