import type { Clock } from "../lib/clock.ts";
import type { Priority } from "../mail/priority.ts";
import { FairRing } from "./fair-ring.ts";
import type { Lane } from "./lanes.ts";
import type { QueueLog } from "./queue-log.ts";
import type { Room } from "./room.ts";

export interface FeederPorts {
  readonly clock: Clock;
  readonly log: QueueLog;
  readonly room: Room;
  readonly lanes: Iterable<Lane>;
  /** Leases due work of a lane; resolves when it is in memory. */
  readonly claim: (lane: Lane, max: number) => Promise<void>;
  /** Jobs that the lane may have in memory now; 0: there is no way for them, and somebody calls `consider` when there is. */
  readonly mostJobs: (lane: Lane, now: number) => number;
  /** A claim of the lane has ended, or `mostJobs` was asked in vain: it has enough. */
  readonly came: (lane: Lane) => void;
  readonly track: <T>(work: Promise<T>) => Promise<T>;
  /** What fell due with the clock has been seen to. */
  readonly woken: () => void;
}

/** Jobs of one lane in memory at most, so that one flood leaves room for the others. */
export const maxLaneJobs = 400;
/** Recipients leased by one claim. */
const claimSize = 150;
/** Pause after a claim that failed (no space for it). */
const claimAgainMs = 10_000;

/** Brings due work from the store into memory as there is room, the lanes by turns; and wakes when the next falls due. */
export class Feeder {
  readonly #ports: FeederPorts;
  /** Lanes with due work in the store and a way, waiting for their turn to claim. */
  readonly #hungry: Readonly<Record<Priority, FairRing>> = { transactional: new FairRing(), bulk: new FairRing() };
  #wake: Disposable | null = null;
  #wakeAt = Infinity;
  /** What the claims under way may bring. */
  readonly #coming: Record<Priority, number> = { transactional: 0, bulk: 0 };
  #closing = false;

  constructor(ports: FeederPorts) {
    this.#ports = ports;
  }

  /** Work of the lane waits in the store from `due` on. */
  backlogged(lane: Lane, due: number): void {
    if (lane.backlogDue === null || due < lane.backlogDue) lane.backlogDue = due;
    this.consider(lane, this.#ports.clock.now());
    this.feed();
  }

  /** A job has left the lane: it claims more before it runs dry. */
  drawn(lane: Lane): void {
    if (lane.backlogDue !== null && lane.jobs.size < claimSize / 2) this.consider(lane, this.#ports.clock.now());
  }

  /** Lets a lane claim when its backlog is due and a route is there; otherwise sees that the clock wakes us. `feed` follows. */
  consider(lane: Lane, now: number): void {
    if (lane.backlogDue === null || lane.claiming || this.#closing) return;
    if (lane.backlogDue > now) {
      this.#wakeBy(lane.backlogDue);
      return;
    }
    const most = this.#ports.mostJobs(lane, now);
    if (lane.jobs.size < (most > claimSize ? most - claimSize : most / 2)) this.#hungry[lane.priority].add(lane);
    else if (most > 0) this.#ports.came(lane);
  }

  considerAll(): void {
    const now = this.#ports.clock.now();
    for (const lane of this.#ports.lanes) this.consider(lane, now);
    this.feed();
  }

  feed(): void {
    // Each priority has room of its own (room.ts), so neither keeps the other out for ever.
    this.#feedFrom("transactional");
    this.#feedFrom("bulk");
  }

  #feedFrom(priority: Priority): void {
    const hungry = this.#hungry[priority];
    while (hungry.size > 0 && !this.#closing && this.#ports.room.hasJobsLeft(priority, this.#coming[priority])) {
      const lane = hungry.take();
      if (lane === undefined) return;
      // A gate may have closed since it asked.
      const most = Math.min(this.#ports.mostJobs(lane, this.#ports.clock.now()), claimSize);
      if (most === 0) continue;
      lane.claiming = true;
      this.#coming[priority] += most;
      const ended = (): void => {
        lane.claiming = false;
        this.#coming[priority] -= most;
        this.#ports.came(lane);
      };
      void this.#ports.track(
        this.#ports.claim(lane, most).then(
          () => {
            ended();
            this.consider(lane, this.#ports.clock.now());
            this.feed();
          },
          (error: unknown) => {
            ended();
            this.#ports.log.fault("claim", error);
            this.backlogged(lane, this.#ports.clock.now() + claimAgainMs);
          },
        ),
      );
    }
  }

  /** Nothing that is due waits for a claim. */
  isAtRest(now: number): boolean {
    return this.#hungry.transactional.size === 0 && this.#hungry.bulk.size === 0 && this.#wakeAt > now;
  }

  close(): void {
    this.#closing = true;
    this.#wake?.[Symbol.dispose]();
  }

  #wakeBy(due: number): void {
    if (due >= this.#wakeAt) return;
    this.#wake?.[Symbol.dispose]();
    this.#wakeAt = due;
    this.#wake = this.#ports.clock.at(due, () => {
      this.#wakeAt = Infinity;
      this.considerAll();
      this.#ports.woken();
    });
  }
}
