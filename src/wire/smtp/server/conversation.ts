import { Refusal } from "../../../mail/refusal.ts";
import type { Reply } from "../../../mail/reply.ts";
import type { ServerExchange } from "../../sasl/server-exchange.ts";
import { formatReply } from "../format-reply.ts";
import { renderFailure } from "../render.ts";
import type { MailCommand, SmtpServerHandler } from "./handler.ts";
import { LineReader } from "./line-reader.ts";
import type { Reception } from "./reception.ts";
import { formatReplies, sessionReplies, type FormattedReplies } from "./replies.ts";
import { sessionDefaults, type AuthMechanism, type SessionOptions, type SessionWire } from "./session-options.ts";

/**
 * What a session knows and the few things that all verbs do: say, wait for the handler, end the transaction, close.
 *
 * Internal to the session: session.ts drives it, verbs/ read and change it. Verbs continue in module functions (`then`) and keep what they
 * need here, so that a command which the handler answers at once allocates neither promise nor closure.
 */
export class Conversation {
  readonly options: SessionOptions & Bounds;
  readonly auth: readonly AuthMechanism[];
  readonly handler: SmtpServerHandler;
  readonly wire: SessionWire;
  readonly replies: FormattedReplies;
  readonly reader: LineReader;

  mode: Mode = "greeting";
  secure: boolean;
  helloName: string | null = null;
  extended = false;
  authenticated = false;
  transaction: Transaction | null = null;

  /** The command that the handler is asked about. */
  pendingMail: MailCommand | null = null;
  exchange: ServerExchange | null = null;
  /** The final reply to a refused token, due when the client has answered the challenge. */
  pendingRefusal: Reply | null = null;
  mechanism: AuthMechanism = "PLAIN";
  /** BDAT: octets of the chunk that are still to come, whether it is the last, and why it is read for nothing. */
  chunkLeft = 0;
  chunkLast = false;
  chunkRefusal: string | null = null;

  /** The handler or the sink thinks. */
  busy = false;
  /** It is the sink: the wire should not read on. */
  sinkBusy = false;
  /** Set when the session shall close once what was said is written: the reason, for the log. */
  closing: string | null = null;
  /** What is said last, behind the reply to the command that made the session close. */
  #lastWords = "";
  output = "";
  #errors = 0;
  #idleCommands = 0;
  /** Called when an answer came that was waited for. */
  readonly #resume: () => void;

  constructor(options: SessionOptions, handler: SmtpServerHandler, wire: SessionWire, resume: () => void) {
    this.options = { ...sessionDefaults, ...options };
    this.auth = options.auth ?? [];
    this.handler = handler;
    this.wire = wire;
    this.replies = repliesOf(options);
    this.secure = options.secure ?? false;
    const { maxCommandLine, maxAuthLine, maxUnterminated } = this.options;
    this.reader = new LineReader(this.auth.length > 0 ? Math.max(maxCommandLine, maxAuthLine) : maxCommandLine, maxUnterminated);
    this.#resume = resume;
  }

  get authOffered(): boolean {
    return this.auth.length > 0 && (this.secure || this.options.authWithoutTls === true);
  }

  say(formatted: string): void {
    this.output += formatted;
  }

  /** Says a reply of the handler. RFC 5321 §3.8: 421 announces that the connection closes. */
  answer(reply: Reply): void {
    this.output += formatReply(reply);
    if (reply.code === 421) this.closing ??= "421";
  }

  /** Says a negative reply that counts towards the bound on errors. */
  fail(formatted: string): void {
    this.output += formatted;
    this.countError();
  }

  countError(): void {
    if (++this.#errors <= this.options.maxErrors || this.closing !== null) return;
    this.#lastWords = this.replies.tooManyErrors;
    this.closing = "too many errors";
  }

  /** Counts a command that brings no message nearer. */
  countIdle(): void {
    if (++this.#idleCommands <= this.options.maxIdleCommands || this.closing !== null) return;
    this.#lastWords = this.replies.tooManyCommands;
    this.closing = "too many commands without a message";
  }

  /** What has to be written now; leaves none. */
  takeOutput(): string {
    const output = this.closing === null || this.busy ? this.output : this.output + this.#lastWords;
    this.output = "";
    return output;
  }

  /**
   * Goes on with `then`: now when the value is there, later when it is a promise. A rejection comes as the negative reply that it becomes,
   * so every Value must have room for a Reply.
   */
  settle<Value>(value: Value | Promise<Value>, then: (conversation: Conversation, value: NoInfer<Value>) => void): void {
    if (!isPromise(value)) {
      then(this, value);
      return;
    }
    this.busy = true;
    value.then(
      (settled) => this.#wake(then, settled),
      (error: unknown) => this.#wake(then, this.replyToError(error) as Value),
    );
  }

  /** What a throw of the handler is answered with: a Refusal by its failure, anything else is a bug. */
  replyToError(error: unknown): Reply {
    if (error instanceof Refusal) return renderFailure(error.failure);
    this.handler.fault(error);
    return this.options.replies?.fault ?? sessionReplies.fault;
  }

  /** The transaction ends, if there is one. */
  endTransaction(accepted: boolean): void {
    const transaction = this.transaction;
    if (transaction === null) return;
    this.transaction = null;
    if (accepted) {
      this.#errors = 0;
      this.#idleCommands = 0;
    }
    try {
      transaction.reception?.abort();
      this.handler.reset();
    } catch (error) {
      this.handler.fault(error);
    }
    if (!accepted) this.countIdle();
  }

  /** RFC 3207 §4.2: after the handshake everything learnt before is forgotten. */
  forget(): void {
    this.endTransaction(false);
    this.helloName = null;
    this.extended = false;
    this.authenticated = false;
    this.exchange = null;
    this.pendingRefusal = null;
    this.reader.reset();
  }

  #wake<Value>(then: (conversation: Conversation, value: Value) => void, value: Value): void {
    this.busy = false;
    this.sinkBusy = false;
    try {
      then(this, value);
    } catch (error) {
      this.handler.fault(error);
      this.closing ??= "fault";
    }
    this.#resume();
  }
}

/** What the next byte of input belongs to. */
export type Mode = "greeting" | "command" | "auth" | "content" | "chunk" | "tls" | "closed";

export interface Transaction {
  readonly mail: MailCommand;
  /** Every RCPT counts here, also those refused. */
  attempts: number;
  recipients: number;
  reception: Reception | null;
}

type Bounds = { readonly [Name in keyof typeof sessionDefaults]: number };

/** Whether a reply says yes; null is the session's own yes. */
export function isPositive(reply: Reply | null): boolean {
  return reply === null || reply.code < 400;
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

const standard = formatReplies(undefined);
const byChanges = new WeakMap<object, FormattedReplies>();

/** Listeners share one options object, so the replies are formatted once for each, not for each connection. */
function repliesOf({ replies }: SessionOptions): FormattedReplies {
  if (replies === undefined) return standard;
  let formatted = byChanges.get(replies);
  if (formatted === undefined) byChanges.set(replies, (formatted = formatReplies(replies)));
  return formatted;
}
