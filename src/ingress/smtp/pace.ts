/** Content that comes slower than this over five minutes is cut off, in bytes a second. A fax line brings 1,000. */
const minContentRate = 50;
/** Longer than the longest pause that is allowed between two blocks. */
const rateWindowTicks = 300;
const handshakeTicks = 60;
/** How long a client may take to close after us. */
const lingerTicks = 10;
/** Replies that wait unread for so long end the connection. */
const unreadTicks = 300;

/** What a connection is about, as far as patience is concerned. `busy`: it waits for us. */
export type Activity = "command" | "content" | "handshake" | "closing" | "busy";

/** `idle` and `too slow` are told to the client (421); the others are just cut off. */
export type Impatience = "idle" | "too slow" | "does not read" | "handshake timeout" | "linger";

/**
 * How patient we are with one client (RFC 5321 §4.5.3.2), in ticks of the door: a second each, so that a connection needs no timer.
 *
 * A command is awaited from our last reply, not from the last byte: one that dribbles in byte by byte is no sign of life. Content is
 * awaited from the last byte, but has to keep a least rate.
 */
export class Pace {
  readonly #idleTicks: number;
  readonly #dataTicks: number;
  #readAt: number;
  #wroteAt: number;
  #changedAt: number;
  #windowAt = 0;
  #windowBytes = 0;

  constructor(idleTicks: number, dataTicks: number, now: number) {
    this.#idleTicks = idleTicks;
    this.#dataTicks = dataTicks;
    this.#readAt = this.#wroteAt = this.#changedAt = now;
  }

  read(now: number): void {
    this.#readAt = now;
  }

  wrote(now: number): void {
    this.#wroteAt = now;
  }

  /** We did not read for a while: that was not the client's slowness. */
  resumed(now: number): void {
    this.#readAt = now;
    this.#windowAt = 0;
  }

  changed(now: number): void {
    this.#readAt = this.#wroteAt = this.#changedAt = now;
  }

  /** @param bytesIn all bytes the client ever sent. `clogged`: it does not read our replies. */
  check(activity: Activity, clogged: boolean, bytesIn: number, now: number): Impatience | null {
    if (clogged && now - this.#wroteAt > unreadTicks) return "does not read";
    switch (activity) {
      case "command":
        return now - this.#wroteAt > this.#idleTicks ? "idle" : null;
      case "content":
        if (clogged) return null;
        return now - this.#readAt > this.#dataTicks ? "idle" : this.#checkRate(bytesIn, now);
      case "handshake":
        return now - this.#changedAt > handshakeTicks ? "handshake timeout" : null;
      case "closing":
        return now - this.#changedAt > lingerTicks ? "linger" : null;
      case "busy":
        return null;
    }
  }

  #checkRate(bytesIn: number, now: number): Impatience | null {
    const begins = this.#windowAt === 0 || this.#windowAt < this.#wroteAt;
    if (!begins && now - this.#windowAt < rateWindowTicks) return null;
    if (!begins && bytesIn - this.#windowBytes < minContentRate * rateWindowTicks) return "too slow";
    this.#windowAt = now;
    this.#windowBytes = bytesIn;
    return null;
  }
}
