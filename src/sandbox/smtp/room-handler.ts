import type { Reply } from "../../mail/reply.ts";
import { replyText } from "../../mail/reply.ts";
import type { Envelope, Recipient } from "../../mail/envelope.ts";
import type {
  Answer,
  ContentFacts,
  ContentSink,
  Credentials,
  MailCommand,
  RcptCommand,
  SmtpServerHandler,
} from "../../wire/smtp/server/handler.ts";
import type { House } from "../house.ts";
import type { MessageWriter } from "../messages/message-writer.ts";
import type { Behaviour } from "./behaviour.ts";
import { readMagic } from "./magic.ts";
import type { ClientCertificate, RoomClient, RoomSession, SmtpRoom } from "./room.ts";

/** The connection, as the handler sees it. */
export interface ClientConnection {
  address(): string;
  /** The TLS version in use, or null. */
  tls(): string | null;
  serverName(): string;
  certificate(): ClientCertificate | null;
  /** Cuts it, without a word. */
  cut(): void;
}

/**
 * One SMTP session in a room. In this order: what the room itself refuses, faults, magic words, and then the room's yes.
 */
export class RoomHandler implements SmtpServerHandler {
  readonly client: RoomClient;
  readonly #house: House;
  readonly #room: SmtpRoom;
  readonly #connection: ClientConnection;
  readonly #session: RoomSession;
  readonly #ended = new AbortController();
  #hanging = false;
  #hello = "";
  #mail: MailCommand = nullSender;
  #recipients: Recipient[] = [];
  #addresses: string[] = [];
  /** What a magic address asked for at the end of the data; the first one wins. */
  #atData: Behaviour | null = null;

  constructor(house: House, room: SmtpRoom, connection: ClientConnection) {
    this.#house = house;
    this.#room = room;
    this.#connection = connection;
    const hello = (): string => this.#hello;
    this.client = {
      get address() {
        return connection.address();
      },
      get hello() {
        return hello();
      },
      get tls() {
        return connection.tls();
      },
      get serverName() {
        return connection.serverName();
      },
      get certificate() {
        return connection.certificate();
      },
    };
    this.#session = room.open(this.client);
  }

  hello(name: string): Answer {
    this.#hello = name;
    return this.#logged(this.#session.hello?.() ?? null, "hello");
  }

  authenticate(credentials: Credentials): Answer {
    return this.#logged(this.#session.authenticate?.(credentials) ?? null, "auth");
  }

  mail(command: MailCommand): Answer {
    const refusal = this.#session.mail?.(command) ?? null;
    if (refusal instanceof Promise)
      return refusal.then((reply) => (reply === null ? this.#mailGoesOn(command) : this.#refuse(reply, "mail")));
    return refusal === null ? this.#mailGoesOn(command) : this.#refuse(refusal, "mail");
  }

  #mailGoesOn(command: MailCommand): Answer {
    const { reversePath } = command;
    this.#mail = command;
    const fault = this.#house.faults.find({ service: this.#room.service, at: "mail", mailFrom: reversePath });
    if (fault !== null) return this.#show(fault, "mail");
    const magic = reversePath === null ? null : readMagic(reversePath);
    if (magic?.when === "command") return this.#show(magic.behaviour, "mail");
    this.#atData = magic?.behaviour ?? null;
    return null;
  }

  rcpt(command: RcptCommand): Answer {
    const refusal = this.#session.rcpt(command, this.#addresses);
    if (refusal instanceof Promise)
      return refusal.then((reply) => (reply === null ? this.#rcptGoesOn(command) : this.#refuse(reply, "rcpt")));
    return refusal === null ? this.#rcptGoesOn(command) : this.#refuse(refusal, "rcpt");
  }

  #rcptGoesOn(command: RcptCommand): Answer {
    const { address } = command;
    const facts = { service: this.#room.service, mailFrom: this.#mail.reversePath, recipients: [address] };
    const fault = this.#house.faults.find({ ...facts, at: "rcpt" });
    const magic = readMagic(address);
    const behaviour = fault ?? (magic?.when === "command" ? magic.behaviour : null);
    if (behaviour !== null && behaviour.kind !== "delay") return this.#show(behaviour, "rcpt");
    this.#recipients.push(command);
    this.#addresses.push(address);
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
    this.#mail = nullSender;
    this.#recipients = [];
    this.#addresses = [];
    this.#atData = null;
  }

  closed(): void {
    this.gone();
  }

  /** The client has closed its side: whoever waits for an answer that never comes is let go. */
  left(): void {
    if (this.#hanging) this.#connection.cut();
  }

  /** The connection is no more: nothing is waited for any longer. The session cannot say it: it waits for our answer. */
  gone(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#session.closed?.();
  }

  fault(error: unknown): void {
    this.#house.options.log({ event: "sandbox.fault", where: this.#room.service, error });
  }

  async #end(writer: MessageWriter, facts: ContentFacts): Promise<Reply> {
    const { service } = this.#room;
    // Taken now: when the connection ends, `reset` empties them while we still write.
    const { reversePath, envid, ret, smtputf8 } = this.#mail;
    const recipients = this.#addresses;
    const envelope: Envelope = {
      reversePath,
      recipients: this.#recipients,
      ...(envid === undefined ? {} : { envid }),
      ...(ret === undefined ? {} : { ret }),
      ...(smtputf8 === undefined ? {} : { smtputf8 }),
    };
    const behaviour = this.#house.faults.find({ service, at: "data", mailFrom: reversePath, recipients }) ?? this.#atData;
    if (behaviour !== null) {
      const keeps = behaviour.kind === "drop" && behaviour.keep;
      if (keeps) await this.#take(writer, facts, envelope);
      const reply = await this.#show(behaviour, "data");
      if (reply !== null || behaviour.kind !== "delay") {
        if (!keeps) await writer.abort();
        return reply ?? gone;
      }
    }
    return await this.#take(writer, facts, envelope);
  }

  async #take(content: MessageWriter, facts: ContentFacts, envelope: Envelope): Promise<Reply> {
    const { size } = content;
    const client = { address: this.client.address, hello: this.#hello, tls: this.client.tls };
    try {
      const taken = await this.#session.take({ envelope, content, facts, client });
      if (!("reply" in taken)) {
        await content.abort();
        return this.#refuse(taken, "data");
      }
      this.#house.options.log({
        event: "sandbox.accepted",
        id: taken.id,
        service: this.#room.service,
        mailFrom: envelope.reversePath ?? "",
        recipients: envelope.recipients.length,
        size,
      });
      return taken.reply;
    } catch (error) {
      this.fault(error);
      await content.abort();
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
        this.#connection.cut();
        return this.#wait(null).then(() => gone);
    }
  }

  async #later(answer: Promise<Reply | null>, at: string): Promise<Reply | null> {
    const reply = await answer;
    return reply !== null && reply.code >= 400 ? this.#refuse(reply, at) : reply;
  }

  #logged(answer: Answer, at: string): Answer {
    if (answer instanceof Promise) return this.#later(answer, at);
    return answer !== null && answer.code >= 400 ? this.#refuse(answer, at) : answer;
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

const nullSender: MailCommand = { reversePath: null };

/** Never reaches anybody: the connection is gone. */
const gone: Reply = { code: 421, lines: ["4.4.2 Connection gone"] };
