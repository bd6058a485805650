import type { Identity } from "../../identity/identity.ts";
import type { Submit } from "../../submission/submission.ts";
import type { DeviceRegistry } from "../devices.ts";
import type { Ingress, ListeningAddress } from "../ingress.ts";
import type { BounceDesk } from "./bounce-desk.ts";
import type { Connection } from "./connection.ts";
import type { SmtpDoorLog } from "./door-log.ts";
import { HelloMemory } from "./hello-memory.ts";
import { Listener } from "./listener.ts";
import { localListener } from "./local-socket.ts";
import type { SmtpDoorOptions } from "./options.ts";

/**
 * The SMTP door: listeners of five kinds and Unix sockets, thousands of connections, one tick a second for all their deadlines.
 *
 * Who does what: wire/smtp/server owns grammar and order, client-session.ts decides (principal, fences, rates), connection.ts moves bytes and
 * gives up on the slow, listener.ts says who may connect, message-sink.ts hands content to `Submit`. A message is answered 250 only when
 * `Submit` has made it durable.
 *
 * Bounds: connections for each listener and each client (IPv6: /64), content in memory over all connections, unsent replies, unread input,
 * the line (session), addresses remembered. No open relay: who is in no trusted network and has not logged in sends nothing.
 * Standards: RFC 5321, 3207 (STARTTLS), 8314 (implicit TLS), 4954 (AUTH), 6409 (submission).
 */
export class SmtpDoor implements Ingress {
  readonly options: SmtpDoorOptions;
  readonly deps: SmtpDoorDeps;
  readonly hellos = new HelloMemory();
  readonly maxContentInMemory: number;
  /** Seconds since the door was made, coarse; what deadlines count in. */
  tick = 0;
  /** Bytes of content that connections hold and `Submit` has not stored. */
  contentInMemory = 0;
  readonly #listeners: readonly Listener[];
  readonly #dirty: Connection[] = [];
  readonly #flushAll = (): void => this.#flush();
  #ticker: NodeJS.Timeout | undefined;
  /** Set while `close` waits. */
  #drained: (() => void) | null = null;
  /** `close` was called. */
  closing = false;
  readonly checkDrained = (): void => {
    if (this.#drained !== null && this.#listeners.every((listener) => listener.isDone())) this.#drained();
  };

  constructor(options: SmtpDoorOptions, deps: SmtpDoorDeps) {
    this.options = options;
    this.deps = deps;
    this.maxContentInMemory = options.maxContentInMemory ?? 256 * 1024 ** 2;
    this.#listeners = [...options.listeners, ...(options.local ?? []).map(localListener)].map((listener) => new Listener(this, listener));
  }

  async listen(): Promise<void> {
    this.#ticker = setInterval(() => this.passSecond(), 1000).unref();
    const results = await Promise.allSettled(this.#listeners.map((listener) => listener.listen()));
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    await this.close(0);
    throw failed.reason;
  }

  ready(): boolean {
    return this.#listeners.every((listener) => listener.listening);
  }

  addresses(): readonly ListeningAddress[] {
    return this.#listeners.flatMap((listener) => {
      const bound = listener.boundTo;
      return bound === null ? [] : [{ listener: listener.options.name, ...bound }];
    });
  }

  /** Open connections, for metrics. */
  connections(): number {
    return this.#listeners.reduce((sum, listener) => sum + listener.connections.size, 0);
  }

  /** Open connections of one listener. */
  connectionsOf(listener: string): number {
    return this.#listeners.find(({ options }) => options.name === listener)?.connections.size ?? 0;
  }

  /** Another certificate for a listener; open connections keep theirs. @throws Error when it is not valid: the old one stays. */
  useCertificate(listener: string, certificate: { readonly cert: string; readonly key: string }): void {
    for (const one of this.#listeners) if (one.options.name === listener) one.useCertificate(certificate);
  }

  async close(drainMs: number): Promise<void> {
    this.closing = true;
    for (const listener of this.#listeners) listener.stop();
    const all = this.#listeners.flatMap((listener) => [...listener.connections]);
    for (const connection of all) connection.shutdown();
    if (this.connections() > 0 && drainMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#drained = resolve;
      const timer = setTimeout(resolve, drainMs);
      this.checkDrained();
      await promise;
      clearTimeout(timer);
    }
    for (const listener of this.#listeners) for (const connection of listener.connections) connection.destroy("shutdown");
    clearInterval(this.#ticker);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close(0);
  }

  /** The replies of one turn leave together: one system call for a connection, however many replies. */
  flushSoon(connection: Connection): void {
    if (this.#dirty.push(connection) === 1) queueMicrotask(this.#flushAll);
  }

  /** Checks every deadline; the door's own timer calls it, and tests that have no minutes to wait. */
  passSecond(): void {
    this.tick++;
    for (const listener of this.#listeners) for (const connection of listener.connections) connection.check(this.tick);
  }

  removed(): void {
    if (this.closing) this.checkDrained();
  }

  #flush(): void {
    for (const connection of this.#dirty) connection.flush();
    this.#dirty.length = 0;
  }
}

export interface SmtpDoorDeps {
  readonly submit: Submit;
  readonly identity: Identity;
  readonly devices: DeviceRegistry;
  /** Absent: bounce listeners refuse every address. */
  readonly bounces?: BounceDesk;
  readonly log: SmtpDoorLog;
}

export function createSmtpDoor(options: SmtpDoorOptions, deps: SmtpDoorDeps): SmtpDoor {
  return new SmtpDoor(options, deps);
}
