import type { Recipient } from "../../mail/envelope.ts";
import { failure } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import type { Outcome } from "../../mail/outcome.ts";
import { type Reply, replyText } from "../../mail/reply.ts";
import type { Capabilities } from "../../wire/smtp/client/capabilities.ts";
import { DotStuffer } from "../../wire/smtp/client/dot-stuffing.ts";
import type { Stage } from "../../services/service.ts";
import type { DeliverySession } from "../route.ts";
import { type Attempt, outcomeOf } from "./attempt.ts";
import type { Channel, ChannelListener, Lost } from "./channel.ts";
import { classifyReply } from "./classify.ts";
import { composeContent, contentParts, isSmall } from "./content.ts";
import { inDoubt, lossFailure } from "./loss.ts";
import type { Settings } from "./settings.ts";
import { remoteId } from "./remote-id.ts";

/** The pool, as a connection sees it. */
export interface ConnectionOwner {
  readonly settings: Settings;
  /** Policy-clock ms. */
  now(): number;
  fault(error: unknown): void;
  /** The next hop says that there are too many connections. */
  onCrowded(): void;
  /** Another attempt may be given. */
  onFree(connection: Connection): void;
  /** No more use. Nothing of the content of `returned` was sent: they are to be tried elsewhere. */
  onOver(connection: Connection, returned: readonly Attempt[], lost: Lost | null): void;
}

/**
 * A connection after its handshake: one transaction running, one lined up.
 *
 * RFC 2920 §3.1: the content may be the first thing in a group of pipelined commands. So when the content of the running transaction
 * goes out, MAIL, RCPT and DATA of the next follow in the same write, and a message costs one round trip. Replies come in order, all of
 * the running one's and then all of the next one's, so one cursor is enough.
 *
 * BDAT (RFC 3030) is not used: it would need as many writes and round trips, and would send the content before the recipients are answered
 * for, so that a refused message costs its bytes and a lost connection leaves two messages in doubt instead of one.
 */
export class Connection implements ChannelListener {
  readonly session: DeliverySession;
  readonly #channel: Channel;
  readonly #offered: Capabilities;
  readonly #owner: ConnectionOwner;
  #running: Attempt | null = null;
  #next: Attempt | null = null;
  #taken = 0;
  #closing = false;
  #over = false;
  /** A transaction was left open on the server: RSET comes before the next MAIL. */
  #resetFirst = false;

  constructor(channel: Channel, offered: Capabilities, session: DeliverySession, owner: ConnectionOwner) {
    this.#channel = channel;
    this.#offered = offered;
    this.session = session;
    this.#owner = owner;
    channel.listener = this;
  }

  get idle(): boolean {
    return this.#running === null && !this.#closing;
  }

  get canLineUp(): boolean {
    return this.#running !== null && this.#next === null && !this.#closing && this.#offered.pipelining;
  }

  get maxSize(): number | null {
    return this.#offered.maxSize;
  }

  /** Takes an attempt; only when idle or canLineUp. */
  take(attempt: Attempt): void {
    const refused = attempt.check(this.#offered, this.#owner.settings.maxSize);
    if (refused !== null || attempt.recipients.length === 0) {
      attempt.settle(outcomeOf(refused ?? failure("submission.address-syntax"), this.#owner.now()), this.session, this.#owner.now());
      return;
    }
    if (++this.#taken >= this.#owner.settings.maxMessagesPerConnection) this.#closing = true;
    if (this.#running === null) {
      this.#running = attempt;
      this.#begin(attempt);
      return;
    }
    this.#next = attempt;
    // The running one's content is out: the envelope can follow at once.
    if (this.#running.stage === "sent") this.#begin(attempt);
  }

  has(attempt: Attempt): boolean {
    return attempt === this.#running || attempt === this.#next;
  }

  /** Gives back the lined-up attempt when nothing of it has been written, for a connection that has nothing to do. */
  giveBack(): Attempt | null {
    const attempt = this.#next;
    if (attempt === null || attempt.stage !== "waiting") return null;
    this.#next = null;
    this.#taken--;
    return attempt;
  }

  /** Nothing to do for now: kept for a while. */
  rest(): void {
    this.#channel.idle(this.#owner.settings.idleMs, () => this.close());
  }

  /** The caller of `attempt` has gone. Before its content the connection ends, for the server waits in the middle of a transaction. */
  abort(attempt: Attempt): void {
    if (attempt === this.#next) {
      if (attempt.stage === "waiting") this.#next = null;
      attempt.abandon();
    } else if (attempt === this.#running) {
      if (attempt.stage === "sent") this.#channel.expect(abortGraceMs, "the answer to the content");
      else {
        attempt.abandon();
        this.#running = null;
        this.cut("the transaction was given up");
      }
    }
  }

  /** No new transactions; QUIT as soon as those under way are over. */
  close(): void {
    this.#closing = true;
    if (this.#running !== null || this.#over) return;
    this.#channel.quit();
    this.#end(null, []);
  }

  /** At once; what was sent and not answered is in doubt. */
  cut(text: string): void {
    this.#channel.fail({ why: "closed", text });
  }

  onReply(reply: Reply): void {
    const attempt = this.#running;
    if (attempt === null) return this.#breach(reply, "with no command to answer");
    if (reply.code === 421) return this.#onShutDown(attempt, reply);
    switch (attempt.stage) {
      case "envelope":
        return this.#onEnvelopeReply(attempt, reply);
      case "content":
        return this.#onEarlyReply(attempt, reply);
      case "sent":
        return this.#onAnswer(attempt, reply);
      case "void":
        return this.#finish(attempt, nothingAccepted);
      case "waiting":
      case "over":
        return this.#breach(reply, "with no command to answer");
    }
  }

  onFault(error: unknown): void {
    this.#owner.fault(error);
  }

  onLost(lost: Lost): void {
    const attempt = this.#running;
    const returned = this.#takeBack();
    if (attempt !== null && attempt.stage !== "over") {
      // An idle connection that turns out to be dead: nothing of the content was sent, so a new one may have it at once.
      if (attempt.stage === "envelope" && lost.why === "closed" && this.#taken > 1 && !attempt.moved) returned.unshift(attempt);
      else attempt.settle(attempt.stage === "sent" ? inDoubt(lost) : outcomeOf(lossFailure(lost), 0), this.session, this.#owner.now());
    }
    this.#end(lost, returned);
  }

  /** Writes the envelope, or its first command when the server wants one at a time. */
  #begin(attempt: Attempt): void {
    this.#channel.write(this.#envelope(attempt));
    this.#channel.expect(this.#owner.settings.timeouts.commandMs, "the answer to MAIL");
  }

  #envelope(attempt: Attempt): string {
    const offered = this.#offered;
    attempt.stage = "envelope";
    attempt.cursor = this.#resetFirst ? -1 : 0;
    let text = this.#resetFirst ? "RSET\r\n" : "";
    this.#resetFirst = false;
    if (!offered.pipelining) return text === "" ? attempt.mailLine(offered) : text;
    text += attempt.mailLine(offered);
    for (let i = 0; i < attempt.recipients.length; i++) text += attempt.rcptLine(i, offered);
    return `${text}DATA\r\n`;
  }

  #onEnvelopeReply(attempt: Attempt, reply: Reply): void {
    const { commandMs, dataMs } = this.#owner.settings.timeouts;
    const at = attempt.cursor++;
    const count = attempt.recipients.length;
    if (at > count) return this.#onDataReply(attempt, reply);
    const refused = reply.code >= 400;
    if (reply.code >= 300 && !refused) return this.#breach(reply, `in answer to ${commandName(at)}`);
    if (at < 0 && refused) return this.#breach(reply, "in answer to RSET");
    if (at === 0) {
      if (refused) attempt.failMail(this.#meaning("mail", reply));
      else attempt.begun = true;
    } else if (at > 0) {
      if (refused) attempt.fail(attempt.recipients[at - 1] as Recipient, this.#meaning("rcpt", reply));
      else attempt.accepted++;
    }
    this.#channel.expect(at === count ? dataMs : commandMs, `the answer to ${at === count ? "DATA" : commandName(at + 1)}`);
    if (!this.#offered.pipelining) this.#writeNextCommand(attempt, at + 1);
  }

  /** Without PIPELINING: one command for each reply, and no DATA for nobody. */
  #writeNextCommand(attempt: Attempt, at: number): void {
    if (at === 0) this.#channel.write(attempt.mailLine(this.#offered));
    else if (!attempt.begun) this.#finish(attempt, nothingAccepted);
    else if (at <= attempt.recipients.length) this.#channel.write(attempt.rcptLine(at - 1, this.#offered));
    else if (attempt.accepted > 0) this.#channel.write("DATA\r\n");
    else {
      this.#resetFirst = true;
      this.#finish(attempt, nothingAccepted);
    }
  }

  #onDataReply(attempt: Attempt, reply: Reply): void {
    if (reply.code < 300) return this.#breach(reply, "in answer to DATA");
    const wanted = attempt.begun && attempt.accepted > 0;
    if (reply.code >= 400) {
      this.#resetFirst = attempt.begun;
      return this.#finish(attempt, wanted ? outcomeOf(this.#meaning("data", reply), this.#owner.now()) : nothingAccepted);
    }
    if (wanted) return this.#writeContent(attempt);
    // RFC 2920 §3.1: the server may say 354 though it refused every recipient; then a lone dot ends the transaction.
    attempt.stage = "void";
    this.#channel.write(".\r\n");
    this.#channel.expect(this.#owner.settings.timeouts.endMs, "the answer to the empty content");
  }

  #writeContent(attempt: Attempt): void {
    const { content } = attempt.transaction;
    if (!isSmall(content)) {
      attempt.stage = "content";
      void this.#streamContent(attempt);
      return;
    }
    attempt.stage = "sent";
    this.#channel.write(composeContent(content, this.#followingEnvelope()));
    this.#channel.expect(this.#owner.settings.timeouts.endMs, "the answer to the content");
  }

  /** The lined-up transaction's envelope, to be written behind the content. */
  #followingEnvelope(): string {
    const next = this.#next;
    return next !== null && next.stage === "waiting" ? this.#envelope(next) : "";
  }

  async #streamContent(attempt: Attempt): Promise<void> {
    const channel = this.#channel;
    const { blockMs, endMs } = this.#owner.settings.timeouts;
    const stuffer = new DotStuffer();
    try {
      let flushed = Promise.resolve(true);
      for await (const part of contentParts(attempt.transaction.content)) {
        if (channel.over || attempt.stage !== "content") return;
        const slices: Uint8Array[] = [];
        stuffer.stuff(part, slices);
        const before = flushed;
        flushed = channel.writeAll(slices);
        channel.expect(blockMs, "room for more content");
        // Two parts at a time: one on its way, one being read.
        if (!(await before)) return;
      }
      // The end is only given to the socket when the rest has left it: so a connection that breaks before is not in doubt.
      if (!(await flushed)) return;
    } catch (error) {
      // The content cannot be read. The next hop must not take half a message for a whole one: no dot, the connection ends.
      if (channel.over || attempt.stage !== "content") return;
      attempt.settle(outcomeOf(failure("spool.unavailable"), 0), this.session, 0);
      this.cut(`the content could not be read: ${(error as Error).message}`);
      return;
    }
    if (channel.over || attempt.stage !== "content") return;
    attempt.stage = "sent";
    channel.write(stuffer.end() + this.#followingEnvelope());
    channel.expect(endMs, "the answer to the content");
  }

  /** An answer before the end of the content: a refusal counts, but what the server does with the rest is unknown, so the connection ends. */
  #onEarlyReply(attempt: Attempt, reply: Reply): void {
    if (reply.code < 400) return this.#breach(reply, "before the end of the content");
    attempt.settle(outcomeOf(this.#meaning("content", reply), this.#owner.now()), this.session, this.#owner.now());
    this.cut("the content was refused while it was sent");
  }

  #onAnswer(attempt: Attempt, reply: Reply): void {
    if (reply.code >= 300 && reply.code < 400) return this.#breach(reply, "in answer to the content");
    if (reply.code >= 400) return this.#finish(attempt, outcomeOf(this.#meaning("content", reply), this.#owner.now()));
    const id = remoteId(reply);
    const text = replyText(reply).slice(0, longestText);
    this.#finish(attempt, id === undefined ? { action: "relayed", text } : { action: "relayed", text, remoteId: id });
  }

  #finish(attempt: Attempt, outcome: Outcome): void {
    attempt.settle(outcome, this.session, this.#owner.now());
    this.#promote();
    if (this.#over) return;
    if (!this.#closing) this.#owner.onFree(this);
    else if (this.#running === null) this.close();
  }

  #promote(): void {
    const attempt = this.#next;
    this.#running = attempt;
    this.#next = null;
    if (attempt === null) return;
    // Its caller left after the envelope was written: what comes now are its replies, and nothing to send.
    if (attempt.stage === "over") this.cut("the transaction was given up");
    else if (attempt.stage === "waiting") this.#begin(attempt);
    else this.#channel.expect(this.#owner.settings.timeouts.commandMs, "the answer to MAIL");
  }

  /** RFC 5321 §3.8: 421 may answer any command, and the server closes. */
  #onShutDown(attempt: Attempt, reply: Reply): void {
    const returned = this.#takeBack();
    // As the first answer of a connection that had rested it only means that it had rested too long.
    if (attempt.stage === "envelope" && attempt.cursor <= 0 && this.#taken > 1 && !attempt.moved) returned.unshift(attempt);
    else attempt.settle(outcomeOf(this.#meaning("content", reply), this.#owner.now()), this.session, this.#owner.now());
    this.#channel[Symbol.dispose]();
    this.#end({ why: "closed", text: replyText(reply) }, returned);
  }

  /** What a refusal means. Too many connections is about this moment, not about the message or the route: the pool makes do with fewer. */
  #meaning(stage: Stage, reply: Reply): Failure {
    const told = classifyReply(stage, reply, this.#owner.settings.replies);
    if (told.code !== "quota.connections") return told;
    this.#owner.onCrowded();
    return { ...told, scope: "message" };
  }

  #breach(reply: Reply, when: string): void {
    this.#channel.fail({ why: "protocol", text: `"${replyText(reply)}" ${when}` });
  }

  #takeBack(): Attempt[] {
    const attempt = this.#next;
    this.#next = null;
    return attempt === null || attempt.stage === "over" ? [] : [attempt];
  }

  #end(lost: Lost | null, returned: readonly Attempt[]): void {
    if (this.#over) return;
    this.#over = true;
    this.#closing = true;
    this.#running = null;
    this.#owner.onOver(this, returned, lost);
  }
}

/** What is kept of the reply to a message that was taken. */
const longestText = 500;
/** How long an answer that is due may still take when its caller wants to stop. */
const abortGraceMs = 5000;

/** Stands for recipients that were all refused by themselves, so nobody gets it. */
const nothingAccepted: Outcome = outcomeOf(failure("remote.refused-message"), 0);

function commandName(at: number): string {
  return at < 0 ? "RSET" : at === 0 ? "MAIL" : "RCPT";
}
