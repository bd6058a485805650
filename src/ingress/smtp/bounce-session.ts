import { failure, type FailureCode } from "../../mail/failure-codes.ts";
import { Refusal } from "../../mail/refusal.ts";
import type { Reply } from "../../mail/reply.ts";
import { renderFailure } from "../../wire/smtp/render.ts";
import type { Answer, ContentSink, MailCommand, RcptCommand } from "../../wire/smtp/server/handler.ts";
import type { Connection } from "./connection.ts";
import type { DoorSession } from "./door-session.ts";
import type { Listener } from "./listener.ts";

/**
 * What a stranger may do at the bounce listener: hand back one message at a time, to an address that was made here. Nobody logs in, nothing
 * goes on to anywhere by its envelope, and whatever comes is never answered by mail.
 *
 * RFC 5321 §4.5.1 wants mail for postmaster taken in every domain; this one takes nothing but bounce addresses, and postmaster of the
 * author's domain, which is the one that people know, is somebody else's.
 */
export class BounceSession implements DoorSession {
  readonly principal = null;
  readonly mechanism = "";
  readonly #connection: Connection;
  readonly #listener: Listener;
  name = "";
  plainHello = false;
  messages = 0;
  #reversePath: string | null = null;
  #address = "";

  constructor(connection: Connection, listener: Listener) {
    this.#connection = connection;
    this.#listener = listener;
  }

  hello(name: string, extended: boolean): Answer {
    this.name = name;
    if (!extended) this.plainHello = true;
    return null;
  }

  /** AUTH is not offered. */
  authenticate(): Answer {
    return this.refuse("submission.bad-credentials");
  }

  mail({ reversePath }: MailCommand): Answer {
    if (!this.#listener.admits(this.#connection.address)) return this.refuse("bounce.rate-exceeded");
    this.#reversePath = reversePath;
    return null;
  }

  rcpt({ address }: RcptCommand): Answer {
    const { bounces } = this.#listener.door.deps;
    const code = bounces === undefined ? unknown : bounces.check(address);
    if (code !== null) return this.refuse(code);
    this.#address = address;
    return null;
  }

  content(): ContentSink | Reply {
    const { door } = this.#listener;
    if (door.contentInMemory > door.maxContentInMemory) return this.refuse("system.busy");
    return new ReturnedSink(door, (content) => this.#take(content));
  }

  reset(): void {
    this.#reversePath = null;
    this.#address = "";
  }

  closed(reason: string): void {
    this.#connection.ended(reason);
  }

  stopWaiting(): void {}

  fault(error: unknown): void {
    this.#listener.door.deps.log.fault(this.#connection, error);
  }

  refuse(code: FailureCode): Reply {
    const reason = failure(code);
    this.#listener.door.deps.log.refused(this.#connection, code, reason.text);
    return renderFailure(reason);
  }

  async #take(content: Buffer): Promise<Reply> {
    const { log, bounces } = this.#listener.door.deps;
    try {
      if (bounces === undefined) return this.refuse(unknown);
      const { id } = await bounces.take({ address: this.#address, reversePath: this.#reversePath, content });
      this.messages++;
      log.accepted(this.#connection, id, content.length);
      return thanks;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      log.refused(this.#connection, error.failure.code, error.failure.text);
      if (error.cause !== undefined) this.fault(error);
      return renderFailure(error.failure);
    }
  }
}

const unknown: FailureCode = "bounce.address-unknown";
const thanks: Reply = { code: 250, lines: ["2.0.0 Ok: noted"] };

/** Holds one message, which the session bounds (`maxMessageSize`); the door counts what all of them hold. */
class ReturnedSink implements ContentSink {
  readonly #door: Listener["door"];
  readonly #take: (content: Buffer) => Promise<Reply>;
  readonly #pieces: Buffer[] = [];
  #held = 0;

  constructor(door: Listener["door"], take: (content: Buffer) => Promise<Reply>) {
    this.#door = door;
    this.#take = take;
  }

  write(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#held += piece.length;
    this.#door.contentInMemory += piece.length;
  }

  async end(): Promise<Reply> {
    try {
      return await this.#take(Buffer.concat(this.#pieces));
    } finally {
      this.abort();
    }
  }

  abort(): void {
    this.#door.contentInMemory -= this.#held;
    this.#held = 0;
    this.#pieces.length = 0;
  }
}
