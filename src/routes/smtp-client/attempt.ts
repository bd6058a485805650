import type { Recipient } from "../../mail/envelope.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { Outcome } from "../../mail/outcome.ts";
import type { Capabilities } from "../../wire/smtp/client/capabilities.ts";
import { formatMail, formatRcpt, isAscii, isSafePath } from "../../wire/smtp/client/commands.ts";
import type { Delivery, DeliverySession, Transaction } from "../route.ts";
import { retryHintMs } from "./classify.ts";

/**
 * One call of `deliver`, from the pool's queue to its outcomes.
 *
 * waiting → envelope (MAIL RCPT DATA written) → content (being written) → sent (its last byte is written, the answer is due) → over.
 * From envelope also → void: nothing was accepted but the server said 354, so a lone dot is sent and its answer ignored.
 * Only `sent` can end in doubt; only before `content` may the attempt move to another connection.
 */
export class Attempt {
  readonly transaction: Transaction;
  readonly signal: AbortSignal;
  readonly done: Promise<Delivery>;
  stage: "waiting" | "envelope" | "content" | "sent" | "void" | "over" = "waiting";
  /** Which reply is due: -1 RSET, 0 MAIL, 1 to n the recipients, n + 1 DATA. */
  cursor = 0;
  /** Recipients that are sent a RCPT: those of the transaction, unless an address cannot be written or needs SMTPUTF8. */
  recipients: readonly Recipient[];
  /** MAIL was accepted. */
  begun = false;
  /** Recipients accepted. */
  accepted = 0;
  /** It was lost with a connection that had been open before; it may have one more, a new one. */
  moved = false;
  #mailFailure: Failure | null = null;
  #failures: Map<Recipient, Failure> | null = null;
  readonly #utf8Header: boolean;
  readonly #resolve: (delivery: Delivery) => void;
  readonly #reject: (reason: unknown) => void;

  /** @param utf8Header the header section has bytes beyond ASCII. */
  constructor(transaction: Transaction, utf8Header: boolean, signal: AbortSignal) {
    const { promise, resolve, reject } = Promise.withResolvers<Delivery>();
    this.transaction = transaction;
    this.signal = signal;
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.recipients = transaction.recipients;
    this.#utf8Header = utf8Header;
  }

  /** Before anything is written: what this server cannot take. A failure is for all; single recipients are left out. */
  check(offered: Capabilities, configuredMaxSize: number | null): Failure | null {
    const { content, envelope, recipients } = this.transaction;
    const maxSize = Math.min(offered.maxSize ?? Infinity, configuredMaxSize ?? Infinity);
    if (content.size > maxSize) return failure("remote.too-large");
    if (content.eightBit && !offered.eightBitMime) return failure("remote.no-8bitmime");
    if (envelope.reversePath !== null && !isSafePath(envelope.reversePath)) return failure("submission.sender-syntax");
    if (!offered.smtputf8 && (this.#utf8Header || !isAscii(envelope.reversePath ?? ""))) return failure("remote.no-smtputf8");
    for (const recipient of recipients) {
      if (!isSafePath(recipient.address)) this.fail(recipient, failure("submission.address-syntax"));
      else if (!offered.smtputf8 && !isAscii(recipient.address))
        this.fail(recipient, failure("remote.no-smtputf8", { scope: "recipient" }));
    }
    const failures = this.#failures;
    if (failures !== null) this.recipients = recipients.filter((recipient) => !failures.has(recipient));
    return null;
  }

  /** Forgets what a lost connection said. */
  restart(): void {
    this.stage = "waiting";
    this.cursor = 0;
    this.begun = false;
    this.accepted = 0;
    this.recipients = this.transaction.recipients;
    this.#failures = null;
    this.#mailFailure = null;
  }

  mailLine(offered: Capabilities): string {
    const { envelope, content } = this.transaction;
    const smtputf8 = offered.smtputf8 && this.#needsSmtputf8();
    return `${formatMail(envelope, { size: content.size, eightBit: content.eightBit, smtputf8 }, offered)}\r\n`;
  }

  rcptLine(index: number, offered: Capabilities): string {
    return `${formatRcpt(this.recipients[index] as Recipient, offered)}\r\n`;
  }

  fail(recipient: Recipient, why: Failure): void {
    this.#failures ??= new Map();
    this.#failures.set(recipient, why);
  }

  failMail(why: Failure): void {
    this.#mailFailure = why;
  }

  /** Gives the caller its outcomes: `outcome` for every recipient that was not refused by itself. */
  settle(outcome: Outcome, session: DeliverySession, now: number): void {
    this.stage = "over";
    const mailFailure = this.#mailFailure;
    const failures = mailFailure === null ? this.#failures : null;
    const forAll = mailFailure === null ? outcome : outcomeOf(mailFailure, now);
    const outcomes = new Map<Recipient, Outcome>();
    for (const recipient of this.transaction.recipients) {
      const own = failures?.get(recipient);
      outcomes.set(recipient, own === undefined ? forAll : outcomeOf(own, now));
    }
    this.#resolve({ outcomes, session });
  }

  /** Nothing of the content was sent and the caller does not want it any more. */
  abandon(): void {
    this.stage = "over";
    this.#reject(this.signal.reason);
  }

  #needsSmtputf8(): boolean {
    if (this.#utf8Header || !isAscii(this.transaction.envelope.reversePath ?? "")) return true;
    for (const recipient of this.recipients) if (!isAscii(recipient.address)) return true;
    return false;
  }
}

/** A failure as an outcome, with the time that the peer's words ask for. `now` in policy-clock ms. */
export function outcomeOf(why: Failure, now: number): Outcome {
  if (why.permanent) return { action: "failed", failure: why };
  const waitMs = (why.reply === undefined ? null : retryHintMs(why.reply)) ?? quotaWaitMs[why.code] ?? null;
  return waitMs === null ? { action: "delayed", failure: why } : { action: "delayed", failure: why, notBefore: now + waitMs };
}

/**
 * How long mail waits that a quota refuses, where the reply names no time. Windows slide, so some of it frees all the time: soon enough to use
 * that, late enough not to knock. A receiver's window is an hour, a tenant's a day.
 */
const quotaWaitMs: Readonly<Partial<Record<Failure["code"], number>>> = {
  "quota.receiver": 20 * 60_000,
  "quota.receiver-from-sender": 20 * 60_000,
  "quota.tenant": 30 * 60_000,
  "quota.onmicrosoft": 30 * 60_000,
};
