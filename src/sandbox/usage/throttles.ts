import { replyText, type Reply } from "../../mail/reply.ts";

/** What the sandbox refused or held up because a limit was reached. Not what a fault or a magic address asked for. */
export interface Throttle {
  /** ms, policy clock. */
  readonly at: number;
  readonly service: string;
  /** Whose limit it is: mailbox, subscription, tenant, receiver. */
  readonly account: string;
  /** What is counted: `recipients`, `connections`. */
  readonly limit: string;
  readonly amount: number;
  /** What the client heard, or what its notification says; null: the message was taken and waits. */
  readonly reply: string | null;
  /** ms that it waits. */
  readonly delayMs: number | null;
  readonly mailFrom: string;
  /** Whom it was to, when it concerns one recipient. */
  readonly recipient: string | null;
}

const maxThrottles = 20_000;

/** The latest of them, for a test to hold against what it provoked. */
export class Throttles {
  #list: Throttle[] = [];

  add(
    about: Pick<Throttle, "at" | "service" | "account" | "limit" | "amount" | "mailFrom"> & Partial<Throttle>,
    reply: Reply | string | null,
  ): void {
    const text = reply === null || typeof reply === "string" ? reply : replyText(reply);
    this.#list.push({ delayMs: null, recipient: null, ...about, reply: text });
    if (this.#list.length > 2 * maxThrottles) this.#list.splice(0, maxThrottles);
  }

  /** Oldest first. */
  list(): readonly Throttle[] {
    return this.#list;
  }

  clear(): void {
    this.#list = [];
  }
}
