import { replyText, type Reply } from "../../../mail/reply.ts";
import { formatReply } from "../format-reply.ts";
import { Conversation } from "./conversation.ts";
import { dispatch } from "./dispatch.ts";
import type { SmtpServerHandler } from "./handler.ts";
import type { SessionOptions, SessionWire } from "./session-options.ts";
import { authLineTooLong } from "./verbs/auth.ts";
import { chunkContent } from "./verbs/bdat.ts";
import { dataContent } from "./verbs/data.ts";

export type { AuthMechanism, EhloState, SessionOptions, SessionWire } from "./session-options.ts";

/** What a session waits for: tells its embedder which timeout applies. `answer`: for the handler, so the client is not to blame. */
export type SessionPhase = "command" | "content" | "answer" | "tls" | "closed";

/**
 * The server side of one SMTP connection without the connection: bytes in, bytes and calls of the handler out (RFC 5321, and the extensions
 * that verbs/hello.ts lists). It keeps order, syntax and bounds; handler.ts says what the handler owes and gets. No timers: the embedder
 * watches the clock and calls `idle`.
 *
 * Commands run one at a time, in order, as far as the input goes; the replies to all that one chunk held leave in one write (RFC 2920 §3.2).
 * While the handler thinks, input is kept up to a bound and then the wire is asked to pause.
 * Files: this one drives; conversation.ts is the state, dispatch.ts and verbs/ the commands, reception.ts the content.
 */
export class SmtpServerSession {
  readonly #c: Conversation;
  readonly #handler: SmtpServerHandler;
  readonly #wire: SessionWire;
  #chunk: Buffer = nothing;
  #position = 0;
  readonly #waiting: Buffer[] = [];
  /** What the waiting chunks cost: their octets, and something for each, or a flood of tiny ones would be free. */
  #waitingCost = 0;
  #paused = false;
  #running = false;
  #again = false;
  #handedOver = false;
  #ended = false;
  /** The connection is gone: why. */
  #gone: string | null = null;
  /** What to say before closing, at the next occasion. */
  #lastWords: string | null = null;

  constructor(options: SessionOptions, handler: SmtpServerHandler, wire: SessionWire) {
    this.#handler = handler;
    this.#wire = wire;
    this.#c = new Conversation(options, handler, wire, () => this.#run());
  }

  get phase(): SessionPhase {
    const { mode, busy } = this.#c;
    if (mode === "closed" || mode === "tls") return mode;
    if (busy) return "answer";
    return mode === "content" || mode === "chunk" ? "content" : "command";
  }

  get secure(): boolean {
    return this.#c.secure;
  }

  /** Sends the greeting; or `refusal` instead, and closes (RFC 5321 §3.1 allows 554, §3.8 421). */
  start(refusal?: Reply): void {
    const c = this.#c;
    if (c.mode !== "greeting" && c.mode !== "command") return;
    c.mode = "command";
    // RFC 2034 §4: no enhanced status in the greeting.
    if (refusal === undefined) c.say(formatReply({ code: 220, lines: [`${c.options.hostname} ${c.options.greeting ?? "ESMTP"}`] }));
    else {
      c.say(formatReply(refusal));
      c.closing = `refused: ${replyText(refusal)}`;
    }
    this.#run();
  }

  /** Bytes from the client. The session keeps the chunk and hands slices of it to the sink, so it must not be written to again. */
  receive(chunk: Buffer): void {
    const { mode } = this.#c;
    // RFC 3207 §4.2: nothing that came in the clear may live on under TLS.
    if (mode === "closed" || mode === "tls" || chunk.length === 0) return;
    if (this.#position === this.#chunk.length && this.#waiting.length === 0) {
      this.#chunk = chunk;
      this.#position = 0;
    } else {
      this.#waiting.push(chunk);
      this.#waitingCost += chunk.length + chunkOverhead;
    }
    this.#run();
  }

  /**
   * TLS is up: what was known is forgotten (RFC 3207 §4.2). After STARTTLS the client speaks next; when TLS came before the greeting
   * was said, or instead of an answer to it, call `start` then.
   */
  secured(): void {
    const c = this.#c;
    if (c.mode === "closed") return;
    this.#dropInput();
    c.forget();
    c.secure = true;
    if (c.mode !== "greeting") c.mode = "command";
    this.#run();
  }

  /** Nothing came for too long: 421 and close (RFC 5321 §4.5.3.2.7). Does nothing while the handler thinks. */
  idle(): void {
    if (this.#c.busy || this.#c.mode === "closed") return;
    this.#c.say(this.#c.replies.idle);
    this.#c.closing ??= "idle";
    this.#run();
  }

  /** 421 and close (RFC 5321 §3.8), as soon as the command or the content in progress is answered. */
  shutdown(reply?: Reply): void {
    this.#lastWords ??= reply === undefined ? this.#c.replies.shutdown : formatReply(reply);
    this.#run();
  }

  /** The client closed its side: what it sent is still answered, then the session closes. */
  end(): void {
    this.#ended = true;
    this.#run();
  }

  /**
   * The connection is gone (reset, destroyed, past a deadline): nothing is written any more, `close` is not called. The handler is told
   * `reset` and `closed` as soon as an answer that it still owes has come: an embedder whose handler may never answer must see to that.
   */
  abort(reason: string): void {
    this.#gone ??= reason;
    this.#run();
  }

  /** Works off what can be done now. Called again from within (a wire or a handler that answers at once), it only notes to go round again. */
  #run(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    while (this.#again) {
      this.#again = false;
      this.#work();
      this.#conclude();
    }
    this.#running = false;
  }

  #work(): void {
    const c = this.#c;
    try {
      while (!c.busy && c.closing === null && this.#gone === null && c.mode !== "closed") {
        if (this.#lastWords !== null && this.#isBetween()) {
          c.say(this.#lastWords);
          c.closing = "shutdown";
        } else if (c.mode === "greeting" || !this.#hasInput()) break;
        else this.#step();
      }
    } catch (error) {
      this.#handler.fault(error);
      c.say(c.replies.fault);
      c.closing ??= "fault";
    }
  }

  /** After the work: writes, closes if it is time, and lets the wire flow or stand. */
  #conclude(): void {
    const c = this.#c;
    if (c.mode === "closed") return;
    const output = c.takeOutput();
    if (this.#gone === null && output !== "") this.#wire.write(output);
    if (this.#gone !== null) {
      if (!c.busy) this.#finish(this.#gone);
      return;
    }
    if (c.closing === null && this.#ended && !c.busy && !this.#hasInput()) c.closing = "client closed";
    if (c.closing !== null && !c.busy) {
      this.#finish(c.closing);
      this.#wire.close();
      return;
    }
    // The wire takes over only when the 220 is written.
    if (c.mode === "tls" && !this.#handedOver) {
      this.#handedOver = true;
      this.#dropInput();
      this.#wire.startTls();
    }
    const pause = c.sinkBusy || (this.#waitingCost > c.options.maxBuffered && (c.busy || c.mode === "greeting"));
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#wire.pause();
    else this.#wire.resume();
  }

  #step(): void {
    const c = this.#c;
    switch (c.mode) {
      case "content":
        this.#position = dataContent(c, this.#chunk, this.#position);
        return;
      case "chunk":
        this.#position = chunkContent(c, this.#chunk, this.#position);
        return;
      case "tls":
        this.#dropInput();
        return;
      default:
        this.#readLine();
    }
  }

  #readLine(): void {
    const c = this.#c;
    const { reader } = c;
    const event = reader.read(this.#chunk, this.#position);
    this.#position = reader.position;
    switch (event) {
      case "more":
        return;
      case "line":
        dispatch(c, reader.buffer, reader.start, reader.end);
        return;
      case "bareLf":
        c.fail(c.replies.badLine);
        return;
      case "tooLong":
        if (c.mode === "auth") authLineTooLong(c);
        else c.fail(c.replies.lineTooLong);
        return;
      case "flood":
        c.say(c.replies.lineTooLong);
        c.closing = "a line without end";
    }
  }

  /** Nothing is half said: neither a message on its way nor an exchange open. */
  #isBetween(): boolean {
    const { mode } = this.#c;
    return mode === "command" || mode === "auth" || mode === "greeting";
  }

  #hasInput(): boolean {
    if (this.#position < this.#chunk.length) return true;
    const next = this.#waiting.shift();
    this.#chunk = next ?? nothing;
    this.#position = 0;
    if (next === undefined) return false;
    this.#waitingCost -= next.length + chunkOverhead;
    return true;
  }

  #dropInput(): void {
    this.#chunk = nothing;
    this.#position = 0;
    this.#waiting.length = 0;
    this.#waitingCost = 0;
  }

  #finish(reason: string): void {
    this.#dropInput();
    this.#c.endTransaction(false);
    this.#c.output = "";
    this.#c.mode = "closed";
    try {
      this.#handler.closed(reason);
    } catch (error) {
      this.#handler.fault(error);
    }
  }
}

const nothing = Buffer.alloc(0);
const chunkOverhead = 512;
