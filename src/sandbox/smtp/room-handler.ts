import type { Reply } from "../../mail/reply.ts";
import { replyText } from "../../mail/reply.ts";
import type { Answer, ContentFacts, ContentSink, MailCommand, RcptCommand, SmtpServerHandler } from "../../wire/smtp/server/handler.ts";
import type { House } from "../house.ts";
import type { NewMessage } from "../messages/message-store.ts";
import type { MessageWriter } from "../messages/message-writer.ts";
import { summarise } from "../messages/summary.ts";
import type { Behaviour } from "./behaviour.ts";
import { readMagic } from "./magic.ts";
import type { SmtpRoom } from "./room.ts";

/** The connection, as the handler sees it. */
export interface ClientConnection {
  readonly address: string;
  /** The TLS version in use, or null. */
  tls(): string | null;
  /** Cuts it, without a word. */
  cut(): void;
}

/**
 * One SMTP session in a room. In this order: what the room itself refuses, faults, magic words, and then the room's yes.
 */
export class RoomHandler implements SmtpServerHandler {
  readonly #house: House;
  readonly #room: SmtpRoom;
  readonly #client: ClientConnection;
  readonly #ended = new AbortController();
  #hanging = false;
  #hello = "";
  #reversePath: string | null = null;
  #recipients: string[] = [];
  /** What a magic address asked for at the end of the data; the first one wins. */
  #atData: Behaviour | null = null;

  constructor(house: House, room: SmtpRoom, client: ClientConnection) {
    this.#house = house;
    this.#room = room;
    this.#client = client;
  }

  hello(name: string): Answer {
    this.#hello = name;
    return null;
  }

  authenticate(): Answer {
    return { code: 503, lines: ["5.5.1 AUTH is not offered here"] };
  }

  mail({ reversePath }: MailCommand): Answer {
    this.#reversePath = reversePath;
    const fault = this.#house.faults.find({ service: this.#room.service, at: "mail", mailFrom: reversePath });
    if (fault !== null) return this.#show(fault, "mail");
    const magic = reversePath === null ? null : readMagic(reversePath);
    if (magic?.when === "command") return this.#show(magic.behaviour, "mail");
    this.#atData = magic?.behaviour ?? null;
    return null;
  }

  rcpt({ address }: RcptCommand): Answer {
    const refusal = this.#room.rcpt(address, this.#recipients);
    if (refusal !== null) return this.#refuse(refusal, "rcpt");
    const fault = this.#house.faults.find({ service: this.#room.service, at: "rcpt", mailFrom: this.#reversePath, recipients: [address] });
    const magic = readMagic(address);
    const behaviour = fault ?? (magic?.when === "command" ? magic.behaviour : null);
    if (behaviour !== null && behaviour.kind !== "delay") return this.#show(behaviour, "rcpt");
    this.#recipients.push(address);
    if (magic?.when === "data") this.#atData ??= magic.behaviour;
    return behaviour === null ? null : this.#show(behaviour, "rcpt");
  }

  content(): ContentSink {
    const writer = this.#house.messages.writer();
    return {
      write: (piece) => writer.write(piece),
      end: (facts) => this.#end(writer, facts),
      abort: () => void writer.abort(),
    };
  }

  reset(): void {
    this.#reversePath = null;
    this.#recipients = [];
    this.#atData = null;
  }

  closed(): void {
    this.gone();
  }

  /** The client has closed its side: whoever waits for an answer that never comes is let go. */
  left(): void {
    if (this.#hanging) this.#client.cut();
  }

  /** The connection is no more: nothing is waited for any longer. The session cannot say it: it waits for our answer. */
  gone(): void {
    this.#ended.abort();
  }

  fault(error: unknown): void {
    this.#house.options.log({ event: "sandbox.fault", where: this.#room.service, error });
  }

  async #end(writer: MessageWriter, _facts: ContentFacts): Promise<Reply> {
    const { service } = this.#room;
    // Taken now: when the connection ends, `reset` empties them while we still write.
    const [reversePath, recipients] = [this.#reversePath, this.#recipients];
    const behaviour = this.#house.faults.find({ service, at: "data", mailFrom: reversePath, recipients }) ?? this.#atData;
    if (behaviour !== null) {
      const keeps = behaviour.kind === "drop" && behaviour.keep;
      if (keeps) await this.#keep(writer, reversePath, recipients);
      const reply = await this.#show(behaviour, "data");
      if (reply !== null || behaviour.kind !== "delay") {
        if (!keeps) await writer.abort();
        return reply ?? gone;
      }
    }
    return await this.#keep(writer, reversePath, recipients);
  }

  async #keep(writer: MessageWriter, reversePath: string | null, rcptTo: readonly string[]): Promise<Reply> {
    const facts: NewMessage = {
      service: this.#room.service,
      mailFrom: reversePath ?? "",
      rcptTo,
      ...summarise(writer.head()),
      receivedAt: new Date(this.#house.clock.now()).toISOString(),
      verdict: "accepted",
      client: { address: this.#client.address, hello: this.#hello, tls: this.#client.tls() },
    };
    try {
      const message = await this.#house.messages.keep(writer, facts);
      this.#house.options.log({
        event: "sandbox.accepted",
        id: message.id,
        service: message.service,
        mailFrom: message.mailFrom,
        recipients: rcptTo.length,
        size: message.size,
      });
      return this.#room.accepted(message);
    } catch (error) {
      this.fault(error);
      await writer.abort();
      return { code: 452, lines: ["4.3.1 Insufficient system storage"] };
    }
  }

  /** Behaves as asked; null: go on as usual. After a hang or a cut the answer comes when nobody hears it. */
  #show(behaviour: Behaviour, at: string): Answer {
    switch (behaviour.kind) {
      case "reply":
        return this.#refuse(behaviour.reply, at);
      case "delay":
        return this.#wait(behaviour.delayMs).then(() => null);
      case "hang":
        this.#hanging = true;
        return this.#wait(null).then(() => gone);
      case "drop":
        this.#client.cut();
        return this.#wait(null).then(() => gone);
    }
  }

  #refuse(reply: Reply, at: string): Reply {
    this.#house.options.log({ event: "sandbox.refused", service: this.#room.service, at, reply: replyText(reply) });
    return reply;
  }

  /** In wall time; until the session ends when `ms` is null. Ends with the session in any case. */
  #wait(ms: number | null): Promise<void> {
    const { signal } = this.#ended;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = ms === null ? undefined : setTimeout(end, ms);
      function end(): void {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      }
      signal.addEventListener("abort", end, { once: true });
    });
  }
}

/** Never reaches anybody: the connection is gone. */
const gone: Reply = { code: 421, lines: ["4.4.2 Connection gone"] };
