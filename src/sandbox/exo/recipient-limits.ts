import { canonicalAddress } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";

/** Facts file 11.1: MC239262; hard since April 2021. */
const perMailbox = 3600;
/** A third of it from one sender. */
const perPair = 1200;
const windowMs = 3_600_000;
/** Mailboxes that are counted at a time; those whose last message is longest ago are forgotten first. */
const maxMailboxes = 20_000;

interface Arrival {
  readonly at: number;
  readonly sender: string;
}

/**
 * What a mailbox takes in an hour. Counted by force: every arrival of the last hour is kept and counted again for each message, so that this can
 * judge cleverer counting elsewhere.
 */
export class RecipientLimits {
  readonly #arrivals = new Map<string, Arrival[]>();
  readonly #on: boolean;

  /** @param on false: nothing is limited. */
  constructor(on: boolean) {
    this.#on = on;
  }

  /** null: there is room. */
  check(sender: string, recipient: string, now: number): Reply | null {
    const arrivals = this.#current(canonicalAddress(recipient), now);
    const from = canonicalAddress(sender);
    // The texts' first sentences are published; whether more follows differs.
    if (arrivals.length >= perPair && arrivals.filter((arrival) => arrival.sender === from).length >= perPair)
      return { code: 550, lines: ["5.2.121 Recipient's per hour message receive limit from specific sender exceeded"] };
    if (arrivals.length >= perMailbox)
      return {
        code: 550,
        lines: ["5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour."],
      };
    return null;
  }

  count(sender: string, recipient: string, now: number): void {
    if (!this.#on) return;
    const key = canonicalAddress(recipient);
    const arrivals = this.#current(key, now);
    arrivals.push({ at: now, sender: canonicalAddress(sender) });
    this.#arrivals.delete(key);
    this.#arrivals.set(key, arrivals);
    if (this.#arrivals.size <= maxMailboxes) return;
    const [oldest] = this.#arrivals.keys();
    if (oldest !== undefined) this.#arrivals.delete(oldest);
  }

  clear(): void {
    this.#arrivals.clear();
  }

  #current(key: string, now: number): Arrival[] {
    const all = this.#arrivals.get(key) ?? [];
    // The policy clock can go back after a reset: what is dated later than now is of another life.
    const start = all.findIndex(({ at }) => at > now - windowMs && at <= now);
    if (start > 0) all.splice(0, start);
    return start < 0 ? [] : all;
  }
}
