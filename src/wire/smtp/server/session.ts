import type { Reply } from "../../../mail/reply.ts";
import type { SmtpServerHandler } from "./handler.ts";
import type { SessionOptions, SessionWire } from "./session-options.ts";

export type { AuthMechanism, EhloState, SessionOptions, SessionWire } from "./session-options.ts";

/** What a session waits for: tells its embedder which timeout applies. `answer`: for the handler, so the client is not to blame. */
export type SessionPhase = "command" | "content" | "answer" | "tls" | "closed";

/** (being written) The server side of one SMTP connection, without the connection. */
export class SmtpServerSession {
  constructor(options: SessionOptions, handler: SmtpServerHandler, wire: SessionWire) {
    void [options, handler, wire];
  }
  get phase(): SessionPhase {
    return "command";
  }
  /** Sends the greeting; or `refusal` instead, and closes. */
  start(refusal?: Reply): void {
    void refusal;
  }
  /** Bytes from the client; the session keeps the chunk. */
  receive(chunk: Buffer): void {
    void chunk;
  }
  /** TLS is up: what was known is forgotten (RFC 3207 §4.2). */
  secured(): void {}
  /** Nothing came for too long: 421 4.4.2 and close. Does nothing while the handler thinks. */
  idle(): void {}
  /** 421 and close, as soon as the command or the content in progress is answered. */
  shutdown(reply?: Reply): void {
    void reply;
  }
  /** The client closed its side: what it sent is still answered, then the session closes. */
  end(): void {}
  /** The connection is gone (reset, destroyed, deadline): nothing is written any more. */
  abort(reason: string): void {
    void reason;
  }
}
