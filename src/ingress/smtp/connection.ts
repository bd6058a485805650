import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { plainAddress } from "../../lib/cidr.ts";
import type { Principal } from "../../identity/principal.ts";
import { SmtpServerSession, type SessionWire } from "../../wire/smtp/server/session.ts";
import type { ClientFacts } from "./door-log.ts";
import type { DoorSession } from "./door-session.ts";
import type { Listener } from "./listener.ts";
import { Pace, type Activity } from "./pace.ts";
import { disownSocket, ownSocket, type SocketOwner } from "./socket-owner.ts";

/** How long the greeting of an address waits whose ClientHello crossed our greeting before. */
const helloWaitMs = 300;
/** Unsent replies beyond this stop us reading, so that a client that never reads costs no memory. */
const maxUnsent = 64 * 1024;
/** What a client may still send after our last reply. */
const maxLingerBytes = 1024 * 1024;

/**
 * One TCP connection: moves bytes between the socket, TLS and the SMTP session, and knows when to give up.
 *
 * Costs: one listener for each event, shared by all connections (`onData` and its like find theirs by the symbol), no timer, one write for
 * the replies of one read. Time is the door's tick, a second each.
 */
export class Connection implements SessionWire, SocketOwner, ClientFacts {
  readonly listener: Listener;
  readonly address: string;
  readonly port: number;
  /** As text for the trace; empty: none. */
  tls = "";
  readonly #network: Principal | null;
  /** The plain socket, or the TLS one on top of it. */
  #socket: Socket;
  #client: DoorSession;
  #session: SmtpServerSession | null = null;
  #state: "waiting" | "open" | "handshake" | "closing" | "closed" = "open";
  #out = "";
  #dirty = false;
  #pausedBySession = false;
  #clogged = false;
  #tlsOnPlainPort = false;
  #started = false;
  #helloTimer: NodeJS.Timeout | undefined;
  /** Why it ended, for the log. */
  #reason = "";
  #bytesIn = 0;
  #bytesAtClose = 0;
  readonly #pace: Pace;
  #abort: AbortController | null = null;

  constructor(listener: Listener, socket: Socket, network: Principal | null) {
    this.listener = listener;
    this.address = plainAddress(socket.remoteAddress ?? "");
    this.port = socket.remotePort ?? 0;
    this.#network = network;
    this.#socket = socket;
    this.#pace = new Pace(listener.idleTicks, listener.dataTicks, listener.door.tick);
    this.#client = listener.openSession(this, network);
    ownSocket(socket, this);
  }

  get listenerName(): string {
    return this.listener.options.name;
  }

  get clientName(): string {
    return this.#client.name;
  }

  get principalName(): string {
    return this.#client.principal?.name ?? "";
  }

  get log() {
    return this.listener.door.deps.log;
  }

  /** All was said; only the client has not closed yet. */
  get isDone(): boolean {
    return this.#state === "closing" && this.#socket.writableFinished;
  }

  get isTls(): boolean {
    return this.tls !== "";
  }

  /** Aborts when the connection ends; made when first asked for. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#state === "closed") this.#abort.abort();
    return this.#abort.signal;
  }

  /** Begins: with the greeting, with TLS, or with a short wait for a ClientHello. */
  open(): void {
    if (this.listener.implicitTls) return this.#upgrade(null);
    if (this.listener.secureContext !== null && this.listener.door.hellos.has(this.address, Date.now())) {
      this.#state = "waiting";
      this.#helloTimer = setTimeout(() => this.#greet(), helloWaitMs);
      return;
    }
    this.#greet();
  }

  write(data: string | Buffer): void {
    this.#pace.wrote(this.listener.door.tick);
    if (typeof data === "string") this.#out += data;
    else {
      this.#flushText();
      this.#send(data);
    }
    if (this.#dirty) return;
    this.#dirty = true;
    this.listener.door.flushSoon(this);
  }

  /** Sends what was written; called by the door once the work of this turn is done. */
  flush(): void {
    this.#dirty = false;
    this.#flushText();
  }

  pause(): void {
    this.#pausedBySession = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#pausedBySession = false;
    this.#pace.resumed(this.listener.door.tick);
    if (!this.#clogged) this.#socket.resume();
  }

  startTls(): void {
    this.#flushText();
    this.#upgrade(null);
  }

  close(): void {
    this.#flushText();
    if (this.#state === "closed" || this.#state === "closing") return;
    this.#change("closing");
    this.#bytesAtClose = this.#bytesIn;
    // The client may still send; it is read and thrown away until it closes, because closing with unread input would reset the connection
    // and could destroy our last reply on its way.
    this.#socket.end(this.listener.door.closing ? this.listener.door.checkDrained : undefined);
    this.#socket.resume();
  }

  /** The session is over, and why. */
  ended(reason: string): void {
    if (this.#reason === "") this.#reason = reason;
  }

  /** The door closes: 421 as soon as nothing is in progress. */
  shutdown(): void {
    if (this.#session === null || this.#state !== "open") this.destroy("shutdown");
    else this.#session.shutdown();
  }

  destroy(reason: string): void {
    if (this.#reason === "") this.#reason = reason;
    this.#socket.destroy();
    this.onClosed();
  }

  onData(chunk: Buffer): void {
    if (this.#state === "closed") return;
    if (this.#state === "closing") {
      this.#bytesIn += chunk.length;
      if (this.#bytesIn > this.#bytesAtClose + maxLingerBytes) this.destroy("flood");
      return;
    }
    this.#pace.read(this.listener.door.tick);
    const first = this.#bytesIn === 0;
    this.#bytesIn += chunk.length;
    // A TLS record of type handshake (RFC 8446 §5.1); no SMTP command begins with this byte.
    if (first && chunk[0] === 0x16 && !this.isTls && this.listener.secureContext !== null) return this.#helloOnPlainPort(chunk);
    if (this.#state === "waiting") this.#greet();
    this.#session?.receive(chunk);
  }

  onEnd(): void {
    if (this.#state === "closing") return;
    if (this.#state === "open" && this.#session !== null) this.#session.end();
    else this.destroy("lost");
  }

  onDrain(): void {
    if (!this.#clogged) return;
    this.#clogged = false;
    if (!this.#pausedBySession) this.#socket.resume();
  }

  onError(error: Error): void {
    if (this.#state === "handshake") this.log.tlsFailed(this, error.message);
    this.destroy("lost");
  }

  onSecure(): void {
    if (this.#state !== "handshake") return;
    const socket = this.#socket as TLSSocket;
    this.tls = `${socket.getProtocol() ?? "TLS"} ${socket.getCipher().name}`;
    this.#change("open");
    if (this.#session === null) this.#greet();
    else this.#session.secured();
  }

  /** The socket is closed, whoever did it. */
  onClosed(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#helloTimer);
    this.#session?.abort(this.#reason === "" ? "lost" : this.#reason);
    this.#abort?.abort();
    this.#client.stopWaiting();
    this.#recordDevice();
    this.log.disconnected(this, this.#reason === "" ? "closed" : this.#reason);
    this.listener.removed(this);
  }

  #recordDevice(): void {
    // Who hands mail back is no device of ours, and a program of this machine no device at all.
    if (this.listener.isBounce || this.listener.options.local !== undefined) return;
    this.listener.door.deps.devices.record(
      {
        listener: this.listenerName,
        address: this.address,
        principal: this.principalName,
        tls: this.tls,
        auth: this.#client.mechanism,
        name: this.#client.name,
        tlsOnPlainPort: this.#tlsOnPlainPort,
        plainHello: this.#client.plainHello,
        messages: this.#client.messages,
      },
      Date.now(),
    );
  }

  /** Once a second: gives up on who is too slow. */
  check(now: number): void {
    const impatience = this.#pace.check(this.#activity(), this.#clogged, this.#bytesIn, now);
    if (impatience === null) return;
    if (impatience !== "linger") this.log.cut(this, impatience);
    if (impatience !== "idle" && impatience !== "too slow") return this.destroy(impatience);
    this.ended(impatience);
    this.#session?.idle();
  }

  #activity(): Activity {
    switch (this.#state) {
      case "waiting":
      case "closed":
        return "busy";
      case "handshake":
      case "closing":
        return this.#state;
      case "open":
        break;
    }
    const phase = this.#session?.phase;
    if (phase === "command") return "command";
    return phase === "content" && !this.#pausedBySession ? "content" : "busy";
  }

  #greet(): void {
    clearTimeout(this.#helloTimer);
    if (this.#started || this.#state === "closed") return;
    this.#started = true;
    if (this.#state === "waiting") this.#change("open");
    this.#session = new SmtpServerSession(this.listener.sessionOptions(this.isTls), this.#client, this);
    this.#session.start();
  }

  #helloOnPlainPort(chunk: Buffer): void {
    this.#tlsOnPlainPort = true;
    this.log.tlsOnPlainPort(this, this.#started);
    if (this.#started) {
      // The greeting has left: the client will most likely break off now, and be understood the next time.
      this.listener.door.hellos.remember(this.address, Date.now());
      this.#flushText();
      this.#session?.abort("TLS on a plain port");
      this.#client = this.listener.openSession(this, this.#network);
      this.#session = null;
      this.#started = false;
    }
    clearTimeout(this.#helloTimer);
    this.#upgrade(chunk);
  }

  /** @param consumed what was read of the handshake already. */
  #upgrade(consumed: Buffer | null): void {
    const { secureContext } = this.listener;
    if (secureContext === null) return this.destroy("no certificate");
    const plain = this.#socket;
    disownSocket(plain);
    plain.pause();
    if (consumed !== null) plain.unshift(consumed);
    this.#change("handshake");
    const secure = new TLSSocket(plain, { isServer: true, secureContext, allowHalfOpen: true } as ConstructorParameters<
      typeof TLSSocket
    >[1]);
    this.#socket = secure;
    this.#pausedBySession = this.#clogged = false;
    ownSocket(secure, this);
  }

  #flushText(): void {
    if (this.#out === "") return;
    const text = this.#out;
    this.#out = "";
    this.#send(text);
  }

  #send(data: string | Buffer): void {
    if (this.#state === "closed" || this.#state === "closing") return;
    const socket = this.#socket;
    const roomLeft = typeof data === "string" ? socket.write(data, "utf8") : socket.write(data);
    if (!roomLeft && socket.writableLength > maxUnsent && !this.#clogged) {
      this.#clogged = true;
      socket.pause();
    }
  }

  #change(state: "open" | "handshake" | "closing"): void {
    this.#state = state;
    this.#pace.changed(this.listener.door.tick);
  }
}
