import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { contentOf, formatToken, stuffed } from "./token-message.ts";

/** What a client knows of a message it sent. `sent`: every byte was handed over, no reply came; what became of it is open. */
export interface SentMessage {
  readonly token: string;
  readonly recipients: readonly string[];
  state: "begun" | "sent" | "accepted" | "refused";
  /** Of the last reply, in full. */
  reply: string;
  /** From the positive reply. */
  id: string | null;
  /** Replies to whole messages come in this order, over all sessions. */
  repliedAt: number;
}

export interface LoadOptions {
  readonly port: number;
  /** Six letters or digits that make the tokens of this load its own. */
  readonly run: string;
  readonly sessions: number;
  /** Size of the n-th message, bytes. */
  readonly sizeOf: (n: number) => number;
  readonly recipientsOf?: (n: number) => readonly string[];
  /** Ends after so many messages that got a reply; absent: when `stop` is called. */
  readonly messages?: number;
  /** Rest of a session between messages. */
  readonly pauseMs?: number;
  /** Whether a lost or refused connection is tried again: the server is expected to crash. */
  readonly reconnects?: boolean;
}

/** Who sends, and is told of failures. */
export const loadSender = "app@contoso.example";

export function manyRecipients(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `user${i}@${i % 2 === 0 ? "fabrikam" : "contoso"}.example`);
}

const replyPatienceMs = 20_000;
const reconnectPauseMs = 20;

/** Several clients that send message after message and write down what they were told. */
export class MailLoad {
  readonly messages: SentMessage[] = [];
  readonly #options: LoadOptions;
  readonly #running: Promise<unknown>;
  #next = 0;
  #replies = 0;
  #stopping = false;

  private constructor(options: LoadOptions) {
    this.#options = options;
    this.#running = Promise.all(Array.from({ length: options.sessions }, () => this.#session()));
    this.#running.catch(() => undefined);
  }

  static start(options: LoadOptions): MailLoad {
    return new MailLoad(options);
  }

  /** A number of messages, to the end. */
  static async run(options: LoadOptions & { readonly messages: number }): Promise<readonly SentMessage[]> {
    const load = new MailLoad(options);
    await load.#running;
    return load.messages;
  }

  get accepted(): readonly SentMessage[] {
    return this.messages.filter(({ state }) => state === "accepted");
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  get #over(): boolean {
    return this.#stopping || (this.#options.messages !== undefined && this.#next >= this.#options.messages);
  }

  async #session(): Promise<void> {
    while (!this.#over) {
      try {
        await this.#converse();
      } catch (error) {
        if (this.#options.reconnects !== true) throw error;
        await delay(reconnectPauseMs);
      }
    }
  }

  async #converse(): Promise<void> {
    using client = await Client.open(this.#options.port);
    await client.expect("220");
    await client.say("EHLO client.contoso.example\r\n", "250");
    while (!this.#over) {
      const { reply } = await this.#send(client);
      if (reply.startsWith("421")) throw new Error(reply);
      if (this.#options.pauseMs !== undefined) await delay(this.#options.pauseMs);
    }
    await client.say("QUIT\r\n", "221");
  }

  async #send(client: Client): Promise<SentMessage> {
    const { run, sizeOf, recipientsOf = () => manyRecipients(1) } = this.#options;
    const n = this.#next++;
    const token = formatToken(run, n, sizeOf(n));
    const recipients = recipientsOf(n);
    const message: SentMessage = { token, recipients, state: "begun", reply: "", id: null, repliedAt: -1 };
    this.messages.push(message);
    const content = stuffed(contentOf(token));
    client.write(`MAIL FROM:<${loadSender}>\r\n${recipients.map((to) => `RCPT TO:<${to}>\r\n`).join("")}DATA\r\n`);
    const before: string[] = [];
    for (let i = 0; i < recipients.length + 2; i++) before.push(await client.reply());
    const refusal = before.find((reply) => /^[45]/.test(reply));
    if (refusal !== undefined) {
      message.reply = refusal;
      message.state = "refused";
      if (before.at(-1)?.startsWith("354") === true) throw new Error("refused a recipient: not part of these tests");
      if (!refusal.startsWith("421")) await client.say("RSET\r\n", "250");
      return message;
    }
    // Everything but the end first: a crash in between leaves a message that must not appear anywhere.
    client.write(content.subarray(0, -3));
    if (n % 16 === 7) await delay(5);
    message.state = "sent";
    client.write(content.subarray(-3));
    const reply = await client.reply();
    message.reply = reply;
    message.repliedAt = this.#replies++;
    message.state = reply.startsWith("250") ? "accepted" : "refused";
    message.id = /queued as (\w+)/.exec(reply)?.[1] ?? null;
    return message;
  }
}

class Client implements Disposable {
  readonly #socket: Socket;
  #received = "";
  #ended = false;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
      this.#wake?.();
    });
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on("error", end).on("close", end).on("end", end);
  }

  static async open(port: number): Promise<Client> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new Client(socket);
  }

  write(text: string | Buffer): void {
    this.#socket.write(text);
  }

  async say(text: string, expected: string): Promise<void> {
    this.write(text);
    await this.expect(expected);
  }

  async expect(code: string): Promise<void> {
    const reply = await this.reply();
    if (!reply.startsWith(code)) throw new Error(`${code} expected, got ${reply}`);
  }

  async reply(): Promise<string> {
    const deadline = performance.now() + replyPatienceMs;
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#received);
      if (found !== null) {
        this.#received = this.#received.slice(found[0].length);
        return found[0].trimEnd();
      }
      if (this.#ended) throw new Error("the connection was lost");
      await this.#more(deadline);
    }
  }

  #more(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no reply")), Math.max(0, deadline - performance.now()));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
