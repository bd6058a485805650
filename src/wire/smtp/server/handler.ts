import type { Envelope, Notify } from "../../../mail/envelope.ts";
import type { Reply } from "../../../mail/reply.ts";

/**
 * The port between the SMTP server session (grammar, sequencing, pipelining, bounds: session.ts) and whoever decides (ingress/smtp, the
 * sandbox). The session owns order and syntax, the handler owns policy.
 *
 * Duties of the session: calls one method at a time and never the next before the last has answered; calls `mail` only when a transaction
 * may begin, `rcpt` only after an accepted `mail`, `content` only after an accepted `rcpt`; calls `reset` exactly once for each accepted
 * `mail`, however the transaction ends, and `closed` exactly once.
 * Duties of the handler: answers with a Reply or null for the session's own positive reply; answers synchronously when it can, because an
 * await on each command costs more than the command; never throws for policy (a throw is answered 451 4.3.0 and reported to `fault`).
 */
export interface SmtpServerHandler {
  /** EHLO or HELO; `name` is what the client called itself, not validated beyond its characters. */
  hello(name: string, extended: boolean): Answer;
  /** Password or token log-in, after the SASL exchange; only called when `auth` was offered (TLS up, or allowed without). */
  authenticate(credentials: Credentials): Answer;
  mail(command: MailCommand): Answer;
  rcpt(command: RcptCommand): Answer;
  /** The content begins (DATA accepted by the session, or the first BDAT). A Reply refuses it: sent instead of 354, or after the chunk is skipped. */
  content(declaredSize: number | null): ContentSink | Reply | Promise<ContentSink | Reply>;
  /** The transaction is over: finished, RSET, a new EHLO, STARTTLS or the connection's end. */
  reset(): void;
  /** The session is over; nothing is called afterwards. */
  closed(reason: string): void;
  /** A bug in a handler method, for the log. */
  fault(error: unknown): void;
}

export type Answer = Reply | null | Promise<Reply | null>;

/** Where the bytes of one message go: unstuffed, without the final dot, in order. */
export interface ContentSink {
  /**
   * Takes a piece and may keep it: the session never writes to it again.
   * A promise asks the session to stop reading from the socket until it settles; a rejection refuses the message (451).
   */
  write(piece: Buffer): void | Promise<void>;
  /** All of it arrived and broke no rule of the session; the answer is the reply to the final dot. */
  end(content: ContentFacts): Reply | Promise<Reply>;
  /** The message will not come: connection lost, too large, bad line ending. Releases what was taken. The session has the reply. */
  abort(): void;
}

/** What one pass over the content saw. */
export interface ContentFacts {
  /** Bytes written to the sink. */
  readonly size: number;
  /** A line begins with a dot, so stuffing is needed on the way out. */
  readonly leadingDots: boolean;
  /** A byte above 127 occurs. */
  readonly eightBit: boolean;
}

export interface MailCommand {
  /** null is `<>`. */
  readonly reversePath: string | null;
  /** SIZE= (RFC 1870), bytes. */
  readonly size?: number;
  readonly body?: "7BIT" | "8BITMIME";
  readonly smtputf8?: true;
  readonly ret?: NonNullable<Envelope["ret"]>;
  readonly envid?: string;
  /** AUTH= (RFC 4954 §5), decoded; kept for the record, never believed. */
  readonly auth?: string;
}

export interface RcptCommand {
  readonly address: string;
  readonly notify?: Notify;
  readonly orcpt?: string;
}

export type Credentials =
  | { readonly mechanism: "PLAIN"; readonly authorizationId: string; readonly user: string; readonly password: string }
  | { readonly mechanism: "LOGIN"; readonly user: string; readonly password: string }
  | { readonly mechanism: "XOAUTH2"; readonly user: string; readonly token: string };
