import type { Recipient } from "../../src/mail/envelope.ts";
import type { Outcome } from "../../src/mail/outcome.ts";
import type { Delivery, Route, RouteTraits, Transaction } from "../../src/routes/route.ts";

/** A way out whose outcomes a test decides: for tests of what stands above the port, never of an adapter. */
export class ScriptedRoute implements Route {
  readonly name: string;
  readonly kind = "scripted";
  readonly traits: RouteTraits;
  /** Everything that was handed over, in order. */
  readonly transactions: Transaction[] = [];
  healthy = true;
  running = 0;
  #answer: (transaction: Transaction, recipient: Recipient) => Outcome | Promise<Outcome>;

  constructor(
    name: string,
    answer: (transaction: Transaction, recipient: Recipient) => Outcome | Promise<Outcome>,
    traits: Partial<RouteTraits> = {},
  ) {
    this.name = name;
    this.#answer = answer;
    this.traits = { ...everything, ...traits };
  }

  /** Answers differently from now on. */
  answerWith(answer: (transaction: Transaction, recipient: Recipient) => Outcome | Promise<Outcome>): void {
    this.#answer = answer;
  }

  async deliver(transaction: Transaction): Promise<Delivery> {
    this.transactions.push(transaction);
    this.running++;
    const outcomes = new Map<Recipient, Outcome>();
    for (const recipient of transaction.recipients) outcomes.set(recipient, await this.#answer(transaction, recipient));
    this.running--;
    return { outcomes, session: { remote: `${this.name}.example:25` } };
  }

  async probe() {
    return { ok: this.healthy, text: this.healthy ? "ready" : "down", steps: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const everything: RouteTraits = {
  concurrency: 4,
  maxSize: null,
  maxRecipients: 100,
  perDestination: false,
  keepsReversePath: true,
  keepsHeaders: true,
  smtputf8: true,
  takesNullReversePath: true,
  external: true,
  deduplicates: false,
  inDoubt: "retry",
};

export const relayed: Outcome = { action: "relayed", text: "250 2.0.0 ok" };
