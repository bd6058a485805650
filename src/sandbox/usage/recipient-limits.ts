import { canonicalAddress } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import { tenantFacts } from "../../services/tenant.ts";
import type { Published } from "../published.ts";
import type { Usage } from "./usage.ts";
import type { UsageWindow } from "./usage-window.ts";

const hourMs = 3_600_000;
/** Mailboxes that are counted at a time. */
const maxAccounts = 20_000;

/** What a mailbox of the tenant takes in an hour, from everybody and from one sender (facts file 11.1; MC239262, hard since April 2021). */
export class RecipientLimits {
  readonly #usage: Usage;
  readonly #received: UsageWindow;
  readonly #fromOne: UsageWindow;

  /** @param on false: nothing is limited. */
  constructor(usage: Usage, published: Published, on: boolean) {
    this.#usage = usage;
    const window = (what: string, fact: (typeof tenantFacts)["received-per-hour"]): UsageWindow =>
      usage.window({ service: "mailbox", what, ms: hourMs, maxAccounts, limit: (now) => (on ? published.limit(fact, now) : null) });
    this.#received = window("received", tenantFacts["received-per-hour"]);
    this.#fromOne = window("received-from-one", tenantFacts["received-per-hour-from-one"]);
  }

  /** null: there is room. */
  check(sender: string, recipient: string, at: number): Reply | null {
    // The texts' first sentences are published; whether more follows differs.
    if (!this.#fromOne.fits(pair(sender, recipient), 1, at))
      return this.#refuse(
        this.#fromOne,
        pair(sender, recipient),
        sender,
        recipient,
        at,
        "5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
      );
    if (!this.#received.fits(canonicalAddress(recipient), 1, at))
      return this.#refuse(
        this.#received,
        canonicalAddress(recipient),
        sender,
        recipient,
        at,
        "5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour.",
      );
    return null;
  }

  count(sender: string, recipient: string, at: number): void {
    this.#received.add(canonicalAddress(recipient), 1, at);
    this.#fromOne.add(pair(sender, recipient), 1, at);
  }

  #refuse(window: UsageWindow, account: string, mailFrom: string, recipient: string, at: number, text: string): Reply {
    const reply: Reply = { code: 550, lines: [text] };
    const { service, what } = window.about;
    this.#usage.throttles.add({ at, service, account, limit: what, amount: window.limitAt(at, account) ?? 0, mailFrom, recipient }, reply);
    return reply;
  }
}

function pair(sender: string, recipient: string): string {
  return `${canonicalAddress(sender)} > ${canonicalAddress(recipient)}`;
}
