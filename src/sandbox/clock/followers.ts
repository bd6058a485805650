import { setTimeout as sleep } from "node:timers/promises";

/** What a follower is sent, one JSON object a line: at once, and whenever the clock is set. */
export interface ClockLine {
  readonly seq: number;
  /** Policy time, ms, when the line was written. */
  readonly now: number;
  /** Policy time less wall time, ms: what a follower on the same machine goes by. */
  readonly offset: number;
}

interface Follower {
  readonly id: string;
  readonly send: (line: ClockLine) => void;
  acked: number;
  nextDue: number | null;
  /** Called at each acknowledgement, and when the follower leaves. */
  changed: () => void;
}

/** More than enough for a demo, little enough for a stray client. */
export const maxFollowers = 16;

/**
 * Those who follow the clock: a stream of lines to each, an acknowledgement of each line back. An acknowledgement says: I have set my clock
 * as in line `seq`, what fell due by then has run and come to rest, and the next thing falls due at `nextDue`.
 */
export class Followers {
  readonly #followers = new Map<string, Follower>();
  readonly #watchers = new Set<(line: ClockLine) => void>();
  #seq = 0;
  #offset = 0;

  /** A new reading for all. */
  tell(offset: number): void {
    this.#seq++;
    this.#offset = offset;
    const line = this.#line();
    for (const follower of this.#followers.values()) follower.send(line);
    for (const send of this.#watchers) send(line);
  }

  /** No more may join. */
  get full(): boolean {
    return this.#followers.size + this.#watchers.size >= maxFollowers;
  }

  /**
   * Adds a follower, who is sent the present reading at once; dispose when its stream has ended. One without an id only watches: nobody
   * waits for it. One with the id of another takes its place.
   */
  join(id: string | undefined, send: (line: ClockLine) => void): Disposable {
    if (id === undefined) {
      this.#watchers.add(send);
      send(this.#line());
      return { [Symbol.dispose]: () => void this.#watchers.delete(send) };
    }
    const former = this.#followers.get(id);
    const follower: Follower = { id, send, acked: 0, nextDue: null, changed: () => undefined };
    this.#followers.set(id, follower);
    former?.changed();
    send(this.#line());
    return {
      [Symbol.dispose]: () => {
        if (this.#followers.get(id) === follower) this.#followers.delete(id);
        follower.changed();
      },
    };
  }

  /** false when nobody of that name follows. */
  ack(id: string, seq: number, nextDue: number | null): boolean {
    const follower = this.#followers.get(id);
    if (follower === undefined) return false;
    if (seq > this.#seq) return false;
    follower.acked = Math.max(follower.acked, seq);
    follower.nextDue = nextDue;
    follower.changed();
    return true;
  }

  list(): readonly { readonly id: string; readonly atRest: boolean; readonly nextDue: number | null }[] {
    return [...this.#followers.values()].map(({ id, acked, nextDue }) => ({ id, atRest: acked >= this.#seq, nextDue }));
  }

  /** The earliest of the followers' due times, without those of `except`; null when there is none. */
  nextDue(except: ReadonlySet<string>): number | null {
    let first: number | null = null;
    for (const { id, nextDue } of this.#followers.values()) {
      if (nextDue !== null && !except.has(id) && (first === null || nextDue < first)) first = nextDue;
    }
    return first;
  }

  /** Until each follower has acknowledged the last reading or left; who takes longer than `maxWaitMs` is added to `late`. */
  async atRest(late: Set<string>, maxWaitMs: number, signal: AbortSignal): Promise<void> {
    const seq = this.#seq;
    const waits = [...this.#followers.values()].filter(({ id }) => !late.has(id)).map((follower) => this.#ackedBy(follower, seq));
    if (waits.length === 0) return;
    const end = new AbortController();
    const timeout = sleep(maxWaitMs, undefined, { signal: AbortSignal.any([signal, end.signal]) });
    const acked = Promise.all(waits).then(() => undefined);
    try {
      await Promise.race([acked, timeout]);
    } finally {
      end.abort();
      timeout.catch(() => undefined);
    }
    for (const follower of this.#followers.values()) if (follower.acked < seq) late.add(follower.id);
  }

  async #ackedBy(follower: Follower, seq: number): Promise<void> {
    while (follower.acked < seq && this.#followers.get(follower.id) === follower) {
      await new Promise<void>((resolve) => {
        follower.changed = resolve;
      });
    }
  }

  #line(): ClockLine {
    return { seq: this.#seq, now: Date.now() + this.#offset, offset: this.#offset };
  }
}
