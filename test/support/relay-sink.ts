import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { findToken, hashOf } from "./token-message.ts";

/** What one message brought to the next hop. */
export interface Relay {
  readonly token: string | null;
  /** A notification: the null reverse-path, and a content that is the gateway's own. */
  readonly isDsn: boolean;
  readonly recipients: readonly string[];
  /** Of the content without the Received field that the gateway put on top. */
  readonly hash: string;
}

export interface SinkOptions {
  /** Before the answer to the end of data: work stays in flight for a while. */
  readonly answerAfterMs?: number;
}

/** Whom the next hop does not know. */
export function isRefused(recipient: string): boolean {
  return recipient.startsWith("bad");
}

/** The next hop: takes what it is given for those whom it knows, remembers what it answered for. */
export class RelaySink implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly relays: Relay[] = [];
  answerAfterMs: number;

  private constructor({ answerAfterMs = 0 }: SinkOptions) {
    this.answerAfterMs = answerAfterMs;
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  static async open(options: SinkOptions = {}): Promise<RelaySink> {
    const sink = new RelaySink(options);
    sink.#server.listen(0, "127.0.0.1");
    await once(sink.#server, "listening");
    return sink;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How often each recipient of each token was relayed: `token recipient` → times. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { token, recipients } of this.relays)
      for (const recipient of recipients) counts.set(`${token} ${recipient}`, (counts.get(`${token} ${recipient}`) ?? 0) + 1);
    return counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    let received: Buffer = Buffer.alloc(0);
    let recipients: string[] = [];
    let isDsn = false;
    let inData = false;
    let answering = false;
    const say = (line: string): boolean => socket.write(`${line}\r\n`);
    say("220 sink.fabrikam.example ESMTP");

    const take = (): void => {
      while (!answering) {
        if (inData) {
          const end = received.indexOf(endOfData);
          if (end < 0) return;
          const content = received.subarray(0, end + 2);
          received = received.subarray(end + 5);
          inData = false;
          answering = true;
          const relay = describe(content, recipients, isDsn);
          recipients = [];
          const answer = (): void => {
            answering = false;
            if (socket.destroyed) return;
            this.relays.push(relay);
            say("250 2.0.0 taken");
            take();
          };
          if (this.answerAfterMs > 0) setTimeout(answer, this.answerAfterMs);
          else answer();
          return;
        }
        const end = received.indexOf("\r\n");
        if (end < 0) return;
        const line = received.toString("latin1", 0, end);
        received = received.subarray(end + 2);
        const verb = line.slice(0, 4).toUpperCase();
        if (verb === "EHLO") socket.write("250-sink.fabrikam.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 200000000\r\n");
        else if (verb === "RCPT") {
          const recipient = /<([^>]*)>/.exec(line)?.[1] ?? "";
          if (isRefused(recipient)) say("550 5.1.1 no such user");
          else {
            recipients.push(recipient);
            say("250 2.1.5 ok");
          }
        } else if (verb === "DATA" && recipients.length === 0) {
          say("554 5.5.1 no valid recipients");
        } else if (verb === "DATA") {
          inData = true;
          say("354 go");
        } else if (verb === "RSET" || verb === "MAIL") {
          recipients = [];
          isDsn = /^MAIL FROM:<>/i.test(line);
          say("250 2.0.0 ok");
        } else if (verb === "QUIT") {
          say("221 2.0.0 bye");
          socket.end();
        } else say("250 2.0.0 ok");
      }
    };
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      take();
    });
  }
}

const endOfData = Buffer.from("\r\n.\r\n");

function describe(stuffedContent: Buffer, recipients: readonly string[], isDsn: boolean): Relay {
  const text = stuffedContent.toString("latin1").replace(/^\.\./gm, ".");
  // The prefix is one field with its folded lines.
  const own = /^Received:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*/.exec(text)?.[0] ?? "";
  return { token: findToken(text), isDsn, recipients: [...recipients], hash: hashOf(Buffer.from(text.slice(own.length), "latin1")) };
}
