import { createHash } from "node:crypto";

/** How long a client's Idempotency-Key is remembered. */
export const remembersMs = 24 * 3_600_000;

/** What is known of a message that was accepted before. */
export interface EarlierMessage {
  readonly id: number;
  readonly principal: string;
  /** Of `Origin`. */
  readonly door: string;
  readonly request?: string;
}

/** Messages with this Message-ID since a time (policy-clock ms); the queue and its history are the truth. */
export type FindEarlier = (messageIdField: string, since: number) => Promise<readonly EarlierMessage[]>;

/** A request that its client has named. */
export interface NamedRequest {
  /** SHA-256 of the body, base64. */
  readonly body: string;
  /** Of its nth message: found again by the first one's. */
  readonly messageId: (n: number) => string;
}

/**
 * Requests with an `Idempotency-Key`: the same key of the same principal makes messages once, over restarts too. Without a store of its own: the
 * first message has a Message-ID made of the key, and the body's digest, in the commit that makes it durable.
 */
export class RepeatedRequests {
  readonly #find: FindEarlier;
  readonly #hostname: string;
  /** Under way: another request with the same key waits for the first. Bounded by the connections. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(find: FindEarlier, hostname: string) {
    this.#find = find;
    this.#hostname = hostname;
  }

  name(key: string, principal: string, body: Buffer): NamedRequest {
    const digest = createHash("sha256").update(`${principal}\0${key}`).digest("hex").slice(0, 40);
    return {
      body: createHash("sha256").update(body).digest("base64"),
      messageId: (n) => `<${digest}.${n}.request@${this.#hostname}>`,
    };
  }

  /** The id of its first message; null: it did not come before; "other": another body had the key. */
  async earlier({ body, messageId }: NamedRequest, principal: string, now: number): Promise<number | null | "other"> {
    const found = await this.#find(messageId(0), now - remembersMs);
    // Whoever has seen a Message-ID can send another message with it: that is not this request.
    const first = found.find((message) => message.principal === principal && message.door === "sendgrid" && message.request !== undefined);
    if (first === undefined) return null;
    return first.request === body ? first.id : "other";
  }

  /** Runs one at a time for each key of a principal. */
  async alone<T>({ messageId }: NamedRequest, work: () => Promise<T>): Promise<T> {
    const name = messageId(0);
    for (let other = this.#underWay.get(name); other !== undefined; other = this.#underWay.get(name)) await other.catch(() => undefined);
    const own = work();
    this.#underWay.set(name, own);
    try {
      return await own;
    } finally {
      this.#underWay.delete(name);
    }
  }
}
