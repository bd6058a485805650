import type { Socket } from "node:net";
import type { Reply } from "../../mail/reply.ts";
import { ReplyParser, ReplySyntaxError } from "../../wire/smtp/client/reply-parser.ts";

/** Who listens to a channel; one at a time. */
export interface ChannelListener {
  onReply(reply: Reply): void;
  /** Called once, when the channel is of no more use, for a reason other than `close()`. */
  onLost(reason: Lost): void;
  /** A bug in handling a reply; onLost follows. */
  onFault(error: unknown): void;
}

export type Lost =
  | { readonly why: "closed"; readonly text: string }
  | { readonly why: "timeout"; readonly text: string }
  /** What the peer sent is not SMTP. */
  | { readonly why: "protocol"; readonly text: string };

/**
 * A socket, its reply parser and its one timer.
 *
 * The timer is lazy: `expect` only notes a deadline, and the timer, when it fires, looks whether the deadline has moved. A command costs no
 * timer.
 */
export class Channel implements Disposable {
  #socket: Socket;
  /** Set before the first byte can arrive: in the same turn as the channel is made. */
  listener: ChannelListener = nobody;
  #parser = new ReplyParser();
  #deadline = Infinity;
  #firesAt = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #waitingFor = "";
  #over = false;
  #idle: (() => void) | null = null;
  #error: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#attach();
  }

  get socket(): Socket {
    return this.#socket;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Bytes or replies that have arrived and that nobody has taken. */
  get pending(): boolean {
    return this.#parser.pending || this.#socket.readableLength > 0;
  }

  write(data: string | Uint8Array): void {
    // UTF-8: what SMTPUTF8 sends; all else is ASCII.
    if (typeof data === "string") this.#socket.write(data, "utf8");
    else this.#socket.write(data);
  }

  /** Writes pieces as one. Resolves, always: true when the operating system has taken them, false when the socket is gone. */
  writeAll(pieces: readonly Uint8Array[]): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#socket.cork();
    for (let i = 0; i < pieces.length - 1; i++) this.#socket.write(pieces[i] as Uint8Array);
    const last = pieces[pieces.length - 1];
    if (last === undefined) resolve(true);
    else this.#socket.write(last, (error) => resolve(error === null || error === undefined));
    this.#socket.uncork();
    return promise;
  }

  /** From now on something must come within `ms`, until the next call. */
  expect(ms: number, what: string): void {
    const now = performance.now();
    this.#deadline = now + ms;
    this.#waitingFor = what;
    this.#idle = null;
    if (this.#deadline < this.#firesAt) this.#arm(now);
  }

  /** Nothing is expected; after `ms` of that, `then` is called. The next `expect` ends it. */
  idle(ms: number, then: () => void): void {
    this.expect(ms, "");
    this.#idle = then;
  }

  /** Takes the socket out, for TLS; `replace` puts the new one in. */
  detach(): Socket {
    this.#socket.removeAllListeners("data").removeAllListeners("error").removeAllListeners("end").removeAllListeners("close");
    // An error of the inner socket comes out of the TLS socket; here it only must not be unhandled.
    this.#socket.on("error", () => undefined);
    return this.#socket;
  }

  replace(socket: Socket): void {
    this.#socket = socket;
    this.#parser = new ReplyParser();
    this.#attach();
  }

  /** Says QUIT and closes, without waiting for the answer. */
  quit(): void {
    if (this.#over) return;
    this.#finish();
    this.#socket.end("QUIT\r\n");
    // The peer has a little time to close its side; then it is closed for it.
    const grace = setTimeout(() => this.#socket.destroy(), quitGraceMs);
    this.#socket.once("close", () => clearTimeout(grace));
  }

  /** Ends it at once; the listener is not told. */
  [Symbol.dispose](): void {
    this.#finish();
    this.#socket.destroy();
  }

  /** Ends it at once and tells the listener. */
  fail(lost: Lost): void {
    if (this.#over) return;
    this[Symbol.dispose]();
    this.listener.onLost(lost);
  }

  #attach(): void {
    this.#socket
      .on("data", (chunk: Buffer) => this.#onData(chunk))
      .on("error", (error: Error) => (this.#error = error))
      .on("end", () => this.fail({ why: "closed", text: "the next hop closed the connection" }))
      .on("close", () => this.fail({ why: "closed", text: this.#error?.message ?? "the connection was closed" }));
  }

  #onData(chunk: Buffer): void {
    if (this.#over) return;
    this.#parser.push(chunk);
    this.#readReplies();
  }

  #readReplies(): void {
    try {
      while (!this.#over) {
        const reply = this.#parser.next();
        if (reply === null) return;
        this.listener.onReply(reply);
      }
    } catch (error) {
      if (error instanceof ReplySyntaxError) return this.fail({ why: "protocol", text: error.message });
      // One connection's bug must not end the process with all the others.
      this.listener.onFault(error);
      this.fail({ why: "closed", text: "a fault of ours" });
    }
  }

  #arm(now: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = this.#deadline;
    this.#timer = setTimeout(() => this.#onTimer(), Math.max(1, Math.ceil(this.#deadline - now)));
  }

  #onTimer(): void {
    const now = performance.now();
    this.#firesAt = Infinity;
    if (now < this.#deadline) this.#arm(now);
    else if (this.#idle !== null) this.#idle();
    else this.fail({ why: "timeout", text: `nothing came in time: ${this.#waitingFor}` });
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }
}

const quitGraceMs = 2000;
const nobody: ChannelListener = { onReply: () => undefined, onLost: () => undefined, onFault: () => undefined };
