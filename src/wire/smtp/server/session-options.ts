import type { Reply } from "../../../mail/reply.ts";
import type { SessionReplies } from "./replies.ts";

export type AuthMechanism = "PLAIN" | "LOGIN" | "XOAUTH2";

/**
 * How a session behaves. Bounds that are left out have the values of `sessionDefaults`; extensions that are left out are offered, except
 * STARTTLS and AUTH, which need somebody behind them.
 */
export interface SessionOptions {
  /** Our name: in the greeting and in the answer to EHLO. */
  readonly hostname: string;
  /** What the greeting says behind the host name; `ESMTP` when left out. The word ESMTP should occur in it (RFC 5321 §4.2). */
  readonly greeting?: string;
  /** TLS is up from the start (the port with implicit TLS). */
  readonly secure?: boolean;
  /** STARTTLS is offered while TLS is not up. */
  readonly startTls?: boolean;
  /** MAIL and AUTH wait for TLS: 530 5.7.0 before. */
  readonly tlsRequired?: boolean;
  /** Mechanisms that AUTH offers, in order; none: no AUTH. */
  readonly auth?: readonly AuthMechanism[];
  /** AUTH is offered without TLS too. Default false. */
  readonly authWithoutTls?: boolean;
  /** MAIL waits for AUTH: 530 5.7.0 before. */
  readonly authRequired?: boolean;
  /** What a refused XOAUTH2 token gets before the final reply, as JSON text; null: the reply at once, as Exchange Online does. */
  readonly xoauth2Challenge?: string | null;
  /** What an XOAUTH2 response that is malformed gets; `response`: decoded, null when it is not base64. Absent: 501 5.5.2. */
  readonly xoauth2Malformed?: (response: Buffer | null) => Reply;
  /** Octets of content, told in EHLO as SIZE (RFC 1870). */
  readonly maxMessageSize?: number;
  /** RCPT commands in one transaction, accepted or not; beyond it 452 4.5.3. */
  readonly maxRecipients?: number;
  readonly pipelining?: boolean;
  readonly chunking?: boolean;
  readonly dsn?: boolean;
  readonly smtpUtf8?: boolean;
  readonly eightBitMime?: boolean;
  /** `MAIL FROM:user@host` without angle brackets is understood (old devices). Default false. */
  readonly bareAddresses?: boolean;
  /**
   * What a bare CR or a bare LF in the content does: refuses the message (`strict`), or becomes CRLF (`normalise`, for devices that
   * cannot do better). Neither ever ends the content, and NUL is refused always.
   */
  readonly lineEndings?: "strict" | "normalise";
  /** Octets of a command line with its CRLF. */
  readonly maxCommandLine?: number;
  /** Octets of an AUTH command or of a client's answer in its exchange. */
  readonly maxAuthLine?: number;
  /** Octets that may come without an end of line before the session is closed. */
  readonly maxUnterminated?: number;
  /** Protocol errors, refused MAILs and refused log-ins since the last accepted message; then 421 4.7.0. */
  readonly maxErrors?: number;
  /** EHLO, NOOP, RSET, VRFY, HELP and empty transactions since the last accepted message; then 421 4.7.0. */
  readonly maxIdleCommands?: number;
  /** Octets of input kept while the handler thinks, before the wire is asked to pause. */
  readonly maxBuffered?: number;
  /** Replaces the lines of the answer to EHLO behind the first; `keywords` is what would be said. */
  readonly ehloKeywords?: (keywords: readonly string[], state: EhloState) => readonly string[];
  /** What the first line of the answer to EHLO or HELO says behind the host name. */
  readonly helloText?: (state: EhloState) => string;
  /** Replaces the session's own replies. */
  readonly replies?: Partial<SessionReplies>;
}

export interface EhloState {
  readonly name: string;
  readonly secure: boolean;
  readonly authenticated: boolean;
}

/**
 * The connection, as the session sees it. `write` may be called often, is given whole replies and must keep their order with what
 * `startTls` and `close` do: what was written before goes out before. A wire whose output is clogged should stop reading until it drains,
 * so that a client that never reads costs no memory.
 */
export interface SessionWire {
  write(data: string | Buffer): void;
  /** Stop calling `receive` soon; what was already read may still come. */
  pause(): void;
  resume(): void;
  /** The 220 to STARTTLS is written: start the handshake with what comes from now on, then call `secured`. */
  startTls(): void;
  /** The session is over: send what was written, then close. */
  close(): void;
}

/** The session's bounds where the options name none. */
export const sessionDefaults = {
  maxMessageSize: 150 * 1024 * 1024,
  maxRecipients: 1000,
  maxCommandLine: 2048,
  // RFC 4954 §4: 12288 octets is what a line of an AUTH exchange must be able to take.
  maxAuthLine: 12288,
  maxUnterminated: 64 * 1024,
  maxErrors: 20,
  maxIdleCommands: 1000,
  maxBuffered: 64 * 1024,
} as const;
