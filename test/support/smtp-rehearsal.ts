import { refuse } from "../../src/mail/refusal.ts";
import type { Reply } from "../../src/mail/reply.ts";
import type {
  Answer,
  ContentFacts,
  ContentSink,
  Credentials,
  MailCommand,
  RcptCommand,
  SmtpServerHandler,
} from "../../src/wire/smtp/server/handler.ts";
import { SmtpServerSession, type SessionOptions, type SessionWire } from "../../src/wire/smtp/server/session.ts";

/** A message that a rehearsed handler took. */
export interface TakenMessage {
  readonly mail: MailCommand;
  readonly recipients: readonly RcptCommand[];
  readonly content: string;
  readonly facts: ContentFacts;
}

/**
 * A session without sockets: bytes in, the transcript out, with a handler that checks the session's side of the port (handler.ts) and
 * refuses what its words ask for: recipient `nobody@…` 550, `later@…` 451, `throws@…` a bug, `refusal@…` a thrown Refusal; the same in the
 * reverse-path; content of `full@…` is refused instead of 354, of `sink@…` by its sink. User `app`, password `app-secret`, token `good`.
 */
export class Rehearsal implements SmtpServerHandler, SessionWire {
  readonly session: SmtpServerSession;
  output = "";
  readonly writes: string[] = [];
  readonly messages: TakenMessage[] = [];
  readonly credentials: Credentials[] = [];
  readonly faults: unknown[] = [];
  readonly hellos: string[] = [];
  aborted = 0;
  resets = 0;
  accepted = 0;
  paused = false;
  pauses = 0;
  tlsStarted = 0;
  closedReason: string | null = null;
  wireClosed = false;
  /** Answers by promises, and makes the sink ask for a pause at each piece. */
  readonly #slow: boolean;
  #calls = 0;
  #mail: MailCommand | null = null;
  #recipients: RcptCommand[] = [];
  #sinkOpen = false;

  constructor(options: Partial<SessionOptions> = {}, slow = false) {
    this.#slow = slow;
    this.session = new SmtpServerSession({ hostname: "gateway.example", ...options }, this, this);
  }

  /** Sends the input in pieces, each when the session has done with the one before. */
  async send(input: Buffer, cut: (rest: number) => number = (rest) => rest): Promise<void> {
    let at = 0;
    while (at < input.length) {
      const size = Math.max(1, Math.min(input.length - at, cut(input.length - at)));
      this.session.receive(Buffer.from(input.subarray(at, at + size)));
      at += size;
      await this.settled();
    }
  }

  /** Until nothing waits for a promise of ours. */
  async settled(): Promise<void> {
    while (this.session.phase === "answer") await Promise.resolve();
  }

  hello(name: string, _extended: boolean): Answer {
    this.hellos.push(name);
    return this.#answer(name === "refused.example" ? { code: 550, lines: ["5.7.1 Not you"] } : null);
  }

  authenticate(credentials: Credentials): Answer {
    this.credentials.push(credentials);
    const good = credentials.mechanism === "XOAUTH2" ? credentials.token === "good" : credentials.password === "app-secret";
    return this.#answer(good ? null : { code: 535, lines: ["5.7.8 Authentication credentials are invalid"] });
  }

  mail(command: MailCommand): Answer {
    if (this.#mail !== null) throw new Error("mail within a transaction");
    const reply = this.#judge(command.reversePath ?? "");
    if (reply === null) {
      this.#mail = command;
      this.#recipients = [];
      this.accepted++;
    }
    return this.#answer(reply);
  }

  rcpt(command: RcptCommand): Answer {
    if (this.#mail === null) throw new Error("rcpt without mail");
    const reply = this.#judge(command.address);
    if (reply === null) this.#recipients.push(command);
    return this.#answer(reply);
  }

  content(_declaredSize: number | null): ContentSink | Reply | Promise<ContentSink | Reply> {
    this.#called();
    const mail = this.#mail;
    if (mail === null || this.#recipients.length === 0) throw new Error("content without recipients");
    if (mail.reversePath?.startsWith("full@")) return this.#later({ code: 452, lines: ["4.3.1 Out of disk space"] });
    const recipients = this.#recipients;
    const pieces: Buffer[] = [];
    this.#sinkOpen = true;
    const done = () => {
      if (!this.#sinkOpen) throw new Error("the sink is used after its end");
      this.#sinkOpen = false;
    };
    return this.#later<ContentSink>({
      write: (piece) => {
        if (!this.#sinkOpen) throw new Error("written after the end");
        if (mail.reversePath?.startsWith("sink@")) throw new Error("cannot write");
        pieces.push(piece);
        return this.#slow ? Promise.resolve() : undefined;
      },
      end: (facts) => {
        done();
        const content = Buffer.concat(pieces).toString("latin1");
        if (facts.size !== content.length) throw new Error(`size ${facts.size} of ${content.length}`);
        this.messages.push({ mail, recipients, content, facts });
        const reply: Reply = { code: 250, lines: [`2.0.0 Ok: queued as ${this.messages.length}`] };
        return this.#later(reply);
      },
      abort: () => {
        done();
        this.aborted++;
      },
    });
  }

  reset(): void {
    if (this.#mail === null) throw new Error("reset without a transaction");
    if (this.#sinkOpen) throw new Error("reset before the sink was told");
    this.#mail = null;
    this.resets++;
  }

  closed(reason: string): void {
    if (this.closedReason !== null) throw new Error("closed twice");
    if (this.#mail !== null) throw new Error("closed without reset");
    this.closedReason = reason;
  }

  fault(error: unknown): void {
    this.faults.push(error);
  }

  write(data: string | Buffer): void {
    if (this.wireClosed) throw new Error("written after close");
    this.writes.push(data.toString());
    this.output += data.toString();
  }
  pause(): void {
    this.paused = true;
    this.pauses++;
  }
  resume(): void {
    this.paused = false;
  }
  startTls(): void {
    this.tlsStarted++;
  }
  close(): void {
    if (this.wireClosed) throw new Error("closed twice");
    this.wireClosed = true;
  }

  #judge(address: string): Reply | null {
    this.#called();
    if (address.startsWith("nobody@")) return { code: 550, lines: ["5.1.1 No such mailbox"] };
    if (address.startsWith("later@")) return { code: 451, lines: ["4.3.0 Try later"] };
    if (address.startsWith("bye@")) return { code: 421, lines: ["4.3.2 Going away"] };
    if (address.startsWith("throws@")) throw new Error("a bug");
    if (address.startsWith("refusal@")) throw refuse("submission.recipient-not-allowed");
    return null;
  }

  #answer(reply: Reply | null): Answer {
    return this.#later(reply);
  }

  #called(): void {
    if (this.closedReason !== null) throw new Error("called after closed");
    if (this.#calls > 0) throw new Error("called before the last call was answered");
  }

  #later<Value>(value: Value): Value | Promise<Value> {
    if (!this.#slow) return value;
    this.#calls++;
    return Promise.resolve().then(() => {
      this.#calls--;
      return value;
    });
  }
}

/**
 * For fuzzers: any bytes, cut anywhere, against a session with everything on. Throws when the session does, breaks its side of the port,
 * reports a fault, or lets a line out that is no SMTP reply.
 */
export async function fuzzSession(input: Buffer, cut?: (rest: number) => number, slow = false): Promise<Rehearsal> {
  const rehearsal = new Rehearsal(
    { startTls: true, auth: ["PLAIN", "LOGIN", "XOAUTH2"], authWithoutTls: true, maxMessageSize: 4096, maxRecipients: 5 },
    slow,
  );
  rehearsal.session.start();
  await rehearsal.send(input, cut);
  rehearsal.session.end();
  await rehearsal.settled();
  const bugs = rehearsal.faults.filter((fault) => !(fault instanceof Error && /^(?:a bug|cannot write)$/.test(fault.message)));
  if (bugs.length > 0) throw bugs[0];
  if (rehearsal.resets !== rehearsal.accepted) throw new Error(`${rehearsal.accepted} transactions, ${rehearsal.resets} resets`);
  if (rehearsal.session.phase !== "tls" && rehearsal.closedReason === null) throw new Error("not closed");
  for (const line of rehearsal.output.split("\r\n").slice(0, -1)) {
    if (!/^[2-5][0-9]{2}[ -][ -~]*$/.test(line)) throw new Error(`no reply: ${JSON.stringify(line)}`);
  }
  return rehearsal;
}
