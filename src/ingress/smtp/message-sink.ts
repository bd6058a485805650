import { formatId } from "../../lib/ids.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Incoming } from "../../submission/submission.ts";
import type { ContentFacts, ContentSink } from "../../wire/smtp/server/handler.ts";
import type { ClientSession } from "./client-session.ts";
import type { Connection } from "./connection.ts";

/** One message on its way from a connection into `Submit`; counts what it holds in memory. */
export class MessageSink implements ContentSink {
  readonly #incoming: Incoming;
  readonly #connection: Connection;
  readonly #session: ClientSession;
  readonly #maxSize: number;
  #size = 0;
  #held = 0;
  /** Submission has been told that the message will not come. */
  #over = false;

  constructor(incoming: Incoming, connection: Connection, session: ClientSession, maxSize: number) {
    this.#incoming = incoming;
    this.#connection = connection;
    this.#session = session;
    this.#maxSize = maxSize;
  }

  write(piece: Buffer): void | Promise<void> {
    this.#size += piece.length;
    // A principal's own limit; the rest is read and dropped, because SMTP has no way to stop a client in mid-message.
    if (this.#size > this.#maxSize) return this.abort();
    this.#hold(piece.length);
    const waiting = this.#incoming.write(piece);
    return waiting === undefined ? undefined : this.#stored(waiting);
  }

  end(content: ContentFacts): Reply | Promise<Reply> {
    return this.#over ? this.#session.refuse("submission.too-large") : this.#finish(content);
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    this.#incoming.abort();
  }

  async #finish(content: ContentFacts): Promise<Reply> {
    try {
      const { id } = await this.#incoming.end(content, this.#more);
      this.#session.messages++;
      this.#connection.log.accepted(this.#connection, id, content.size);
      return { code: 250, lines: [`2.0.0 Ok: queued as ${formatId(id)}`] };
    } catch (error) {
      return this.#session.refusal(error);
    } finally {
      this.#release();
    }
  }

  /** Refused while others hold what there is; whoever is alone gets it, or a large one would wait for ever. */
  readonly #more = (bytes: number): boolean => {
    const { door } = this.#connection.listener;
    const others = door.contentInMemory - this.#held;
    if (others > 0 && door.contentInMemory + bytes > door.maxContentInMemory) return false;
    this.#hold(bytes);
    return true;
  };

  /** What a promise settles for is on its way to the disk: everything before it has left our memory. */
  async #stored(waiting: Promise<void>): Promise<void> {
    await waiting;
    this.#release();
  }

  #hold(bytes: number): void {
    this.#held += bytes;
    this.#connection.listener.door.contentInMemory += bytes;
  }

  #release(): void {
    this.#connection.listener.door.contentInMemory -= this.#held;
    this.#held = 0;
  }
}
