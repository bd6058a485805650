import type { Dialer } from "../../lib/dial.ts";
import { Fifo } from "../../lib/fifo.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { RouteLog } from "../route-log.ts";
import { type Attempt, outcomeOf } from "./attempt.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { Lost } from "./channel.ts";
import { OpenFailed } from "./handshake.ts";
import { lossFailure } from "./loss.ts";
import { openConnection } from "./open.ts";
import type { Settings } from "./settings.ts";

/**
 * The connections of one route, kept open and re-used, and the attempts that wait for one.
 *
 * An attempt goes to an idle connection; else a new one is opened while fewer than `maxConnections` are there; else it is lined up behind
 * a running transaction. When the next hop refuses another connection while others work (services allow 3, or 20), the pool makes do with
 * those for a while. When there is none at all, everything that waits is told.
 */
export class Pool implements ConnectionOwner, AsyncDisposable {
  readonly settings: Settings;
  readonly #remote: string;
  readonly #dialer: Dialer;
  readonly #log: RouteLog;
  readonly #now: () => number;
  readonly #waiting = new Fifo<Attempt>();
  /** Lost with an old connection: for a new one only. */
  readonly #forNew = new Fifo<Attempt>();
  readonly #connections = new Set<Connection>();
  /** The last used is taken first, so that the others can grow old. */
  readonly #idle: Connection[] = [];
  readonly #stop = new AbortController();
  #opening = 0;
  #ceiling: number;
  #ceilingUntil = 0;
  /** Wall clock, performance.now(): until then STARTTLS is not tried, for it failed. */
  #plainUntil = 0;
  #maxSize: number | null = null;
  #emptied: (() => void) | null = null;

  constructor(settings: Settings, dialer: Dialer, log: RouteLog, now: () => number) {
    this.settings = settings;
    this.#remote = `${settings.host}:${settings.port}`;
    this.#dialer = dialer;
    this.#log = log;
    this.#now = now;
    this.#ceiling = settings.maxConnections;
  }

  /** SIZE as the next hop said it last. */
  get maxSize(): number | null {
    return this.#maxSize;
  }

  now(): number {
    return this.#now();
  }

  fault(error: unknown): void {
    this.#log.fault(`route ${this.settings.name}`, error);
  }

  add(attempt: Attempt): void {
    if (this.#stop.signal.aborted) return this.#refuse(attempt, failure("route.unavailable"));
    const onAbort = () => this.#abort(attempt);
    attempt.signal.addEventListener("abort", onAbort, { once: true });
    const forget = () => attempt.signal.removeEventListener("abort", onAbort);
    attempt.done.then(forget, forget);
    const idle = this.#idle.pop();
    if (idle === undefined) this.#waiting.push(attempt);
    else this.#give(idle, attempt);
    this.#dispatch();
  }

  /** One connection fewer for a while; the one that heard it goes on, others are not renewed. */
  onCrowded(): void {
    this.#ceiling = Math.max(1, Math.min(this.#currentCeiling(), this.#connections.size) - 1);
    this.#ceilingUntil = performance.now() + ceilingForMs;
    const spare = this.#connections.size > this.#ceiling ? this.#idle.shift() : undefined;
    spare?.close();
  }

  onFree(connection: Connection): void {
    const attempt = next(this.#waiting);
    if (attempt !== undefined) return this.#give(connection, attempt);
    if (!connection.idle) return;
    // What is lined up behind a transaction that hangs must not wait for it.
    const stolen = this.#steal();
    if (stolen !== undefined) return this.#give(connection, stolen);
    this.#idle.push(connection);
    connection.rest();
  }

  onOver(connection: Connection, returned: readonly Attempt[], lost: Lost | null): void {
    this.#connections.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    for (const attempt of returned) {
      const stopped = this.#stop.signal.aborted;
      if (attempt.stage === "waiting" && !stopped) this.#waiting.push(attempt);
      else if (attempt.moved || stopped) this.#refuse(attempt, lossFailure(lost ?? { why: "closed", text: "the connection ended" }));
      else {
        attempt.restart();
        attempt.moved = true;
        this.#forNew.push(attempt);
      }
    }
    if (lost !== null) this.#log.connectionLost(this.settings.name, connection.session.remote, lost.text);
    this.#dispatch();
    if (this.#connections.size === 0) this.#emptied?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the route is closed"));
    for (const attempt of [...this.#waiting.drain(), ...this.#forNew.drain()]) this.#refuse(attempt, failure("route.unavailable"));
    for (const connection of [...this.#connections]) connection.close();
    if (this.#connections.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    const grace = setTimeout(() => {
      for (const connection of [...this.#connections]) connection.cut("the route is closed");
    }, closeGraceMs);
    await promise;
    clearTimeout(grace);
  }

  #give(connection: Connection, attempt: Attempt): void {
    connection.take(attempt);
    // Refused before anything was sent: the place is still free.
    if (attempt.stage === "over" && connection.idle) this.onFree(connection);
  }

  #dispatch(): void {
    // One at first, the others when it has come to stand: a next hop that is down is not knocked at ten times, and a wrong password does
    // not lock an account.
    const limit = this.#connections.size === 0 ? 1 : Math.min(this.settings.maxConnections, this.#currentCeiling());
    const room = limit - this.#connections.size - this.#opening;
    const wanted = this.#waiting.size + this.#forNew.size - this.#opening;
    for (let i = 0; i < Math.min(room, wanted); i++) void this.#open();
    if (this.#waiting.size <= this.#opening) return;
    for (const connection of this.#connections) {
      if (!connection.canLineUp) continue;
      const attempt = next(this.#waiting);
      if (attempt === undefined) return;
      connection.take(attempt);
    }
  }

  async #open(): Promise<void> {
    this.#opening++;
    let opened: Connection | OpenFailed;
    try {
      opened = await this.#openOnce();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      opened = error instanceof OpenFailed ? error : new OpenFailed("connect", failure("system.fault", { scope: "route" }), error);
      if (!(error instanceof OpenFailed)) this.fault(error);
    } finally {
      this.#opening--;
    }
    if (opened instanceof OpenFailed) return this.#onOpenFailed(opened);
    this.#connections.add(opened);
    if (this.#stop.signal.aborted) return opened.close();
    this.#maxSize = opened.maxSize;
    this.#log.connected(this.settings.name, opened.session.remote, opened.session.address ?? "", opened.session.tls ?? "");
    const attempt = next(this.#forNew) ?? next(this.#waiting) ?? this.#steal();
    if (attempt === undefined) this.onFree(opened);
    else this.#give(opened, attempt);
    this.#dispatch();
  }

  async #openOnce(): Promise<Connection> {
    const plain = performance.now() < this.#plainUntil;
    const { signal } = this.#stop;
    try {
      const { channel, offered, session } = await openConnection(this.settings, this.#dialer, plain, signal);
      return new Connection(channel, offered, session, this);
    } catch (error) {
      // RFC 7435 §3: opportunistic security does not fail for want of security; what it gains without is at least the mail.
      if (!(error instanceof OpenFailed) || error.step !== "tls" || this.settings.tls !== "opportunistic" || plain) throw error;
      this.#plainUntil = performance.now() + plainForMs;
      this.#log.tlsGivenUp(this.settings.name, this.#remote, error.failure.text);
      const { channel, offered, session } = await openConnection(this.settings, this.#dialer, true, signal);
      return new Connection(channel, offered, session, this);
    }
  }

  #onOpenFailed(error: OpenFailed): void {
    this.#log.connectFailed(this.settings.name, this.#remote, error.step, error.failure.code, error.failure.text);
    if (this.#connections.size > 0) {
      this.#ceiling = this.#connections.size;
      this.#ceilingUntil = performance.now() + ceilingForMs;
      for (const attempt of this.#forNew.drain()) this.#waiting.push(attempt);
      return this.#dispatch();
    }
    if (this.#opening > 0) return;
    for (const attempt of [...this.#forNew.drain(), ...this.#waiting.drain()]) this.#refuse(attempt, error.failure);
  }

  /** An attempt that is lined up elsewhere and not begun is better off with a connection that has nothing to do. */
  #steal(): Attempt | undefined {
    for (const connection of this.#connections) {
      const attempt = connection.giveBack();
      if (attempt !== null) return attempt;
    }
    return undefined;
  }

  #currentCeiling(): number {
    if (performance.now() >= this.#ceilingUntil) this.#ceiling = this.settings.maxConnections;
    return Math.max(1, this.#ceiling);
  }

  #refuse(attempt: Attempt, why: Failure): void {
    if (attempt.stage === "over") return;
    attempt.settle(outcomeOf(why, this.#now()), { remote: this.#remote }, this.#now());
  }

  #abort(attempt: Attempt): void {
    if (attempt.stage === "over") return;
    if (attempt.stage === "waiting" && ![...this.#connections].some((connection) => connection.has(attempt))) return attempt.abandon();
    for (const connection of this.#connections) connection.abort(attempt);
  }
}

/** The first whose caller has not left. */
function next(attempts: Fifo<Attempt>): Attempt | undefined {
  for (let attempt = attempts.shift(); attempt !== undefined; attempt = attempts.shift()) if (attempt.stage !== "over") return attempt;
  return undefined;
}

/** How long a failed STARTTLS is remembered. */
const plainForMs = 600_000;
/** How long the pool makes do with the connections it has after another one was refused. */
const ceilingForMs = 60_000;
/** How long closing waits for answers that are due. */
const closeGraceMs = 5000;
