import type { Identity, LogIn } from "../../identity/identity.ts";
import { permits, type Principal } from "../../identity/principal.ts";
import type { Recipient } from "../../mail/envelope.ts";
import { failure, type FailureCode } from "../../mail/failure-codes.ts";
import { Refusal } from "../../mail/refusal.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Draft } from "../../submission/submission.ts";
import type { Answer, ContentSink, Credentials, MailCommand, RcptCommand } from "../../wire/smtp/server/handler.ts";
import { renderFailure } from "../../wire/smtp/render.ts";
import type { Connection } from "./connection.ts";
import type { DoorSession } from "./door-session.ts";
import type { Listener } from "./listener.ts";
import { MessageSink } from "./message-sink.ts";

/**
 * What one client may do: the policy half of a connection (the other half, connection.ts, moves bytes).
 *
 * Everything but a log-in and the end of a message is answered at once. The principal is the trusted network's until somebody logs in, and
 * falls back to it never: a log-in lasts as long as the connection.
 */
export class ClientSession implements DoorSession {
  readonly #connection: Connection;
  readonly #listener: Listener;
  readonly #identity: Identity;
  /** Who submits; null: not known yet. */
  principal: Principal | null;
  /** Of `#identity`, when `principal` was found. */
  #generation: number;
  /** SASL mechanism of the log-in; empty: none. */
  mechanism = "";
  name = "";
  #extended = false;
  plainHello = false;
  messages = 0;
  #command: MailCommand | null = null;
  #recipients: Recipient[] = [];
  #recipientCommands = 0;
  /** A message was counted against the rate that may not come. */
  #admitted: Principal | null = null;
  #wait: { readonly timer: NodeJS.Timeout; readonly done: () => void } | null = null;

  constructor(connection: Connection, listener: Listener, network: Principal | null) {
    this.#connection = connection;
    this.#listener = listener;
    this.#identity = listener.door.deps.identity;
    this.principal = listener.requiresLogIn ? null : network;
    this.#generation = this.#identity.generation;
  }

  hello(name: string, extended: boolean): Answer {
    this.name = name;
    this.#extended = extended;
    if (!extended) this.plainHello = true;
    return null;
  }

  async authenticate(credentials: Credentials): Promise<Reply | null> {
    const { mechanism, user } = credentials;
    const { generation } = this.#identity;
    const result = await this.#logIn(credentials);
    if (result.ok) {
      this.principal = result.principal;
      this.#generation = generation;
      this.mechanism = mechanism;
      this.#log().loggedIn(this.#connection, mechanism);
      return null;
    }
    this.#log().logInFailed(this.#connection, mechanism, user, result.code);
    if (result.delayMs > 0) await this.#delay(result.delayMs);
    return renderFailure(failure(result.code));
  }

  mail(command: MailCommand): Answer {
    if (this.#generation !== this.#identity.generation) this.#findPrincipalAgain();
    const { principal } = this;
    if (principal === null) return this.refuse(this.#whyNobody());
    if (!permits(principal.reversePaths, command.reversePath)) return this.refuse("submission.reverse-path-not-allowed");
    if (principal.maxMessageSize !== undefined && command.size !== undefined && command.size > principal.maxMessageSize) {
      return this.refuse("submission.too-large");
    }
    if (this.#identity.admit(principal) > 0) return this.refuse("submission.rate-exceeded");
    this.#admitted = principal;
    this.#command = command;
    return null;
  }

  rcpt(command: RcptCommand): Answer {
    const { principal } = this;
    const most = principal?.maxRecipients;
    // Every RCPT counts, or refused ones would let a client try addresses without end.
    if (most !== undefined && ++this.#recipientCommands > most) return this.refuse("submission.too-many-recipients");
    if (principal?.recipients !== undefined && !permits(principal.recipients, command.address)) {
      return this.refuse("submission.recipient-not-allowed");
    }
    this.#recipients.push(command);
    return null;
  }

  content(_declaredSize: number | null): ContentSink | Reply {
    const { principal } = this;
    const command = this.#command;
    if (principal === null || command === null) return this.refuse("submission.unauthenticated");
    const { door } = this.#listener;
    if (door.contentInMemory > door.maxContentInMemory) return this.refuse("system.busy");
    try {
      const incoming = door.deps.submit(this.#draft(principal, command));
      this.#admitted = null;
      return new MessageSink(incoming, this.#connection, this, principal.maxMessageSize ?? Infinity);
    } catch (error) {
      return this.refusal(error);
    }
  }

  reset(): void {
    if (this.#admitted !== null) this.#identity.giveBack(this.#admitted);
    this.#admitted = null;
    this.#command = null;
    this.#recipients = [];
    this.#recipientCommands = 0;
  }

  closed(reason: string): void {
    this.#connection.ended(reason);
  }

  /** The connection is gone: a delayed answer need not wait any longer. */
  stopWaiting(): void {
    if (this.#wait === null) return;
    clearTimeout(this.#wait.timer);
    this.#wait.done();
  }

  fault(error: unknown): void {
    this.#log().fault(this.#connection, error);
  }

  /** Logs a refusal and renders it. */
  refuse(code: FailureCode): Reply {
    const reason = failure(code);
    this.#log().refused(this.#connection, code, reason.text);
    return renderFailure(reason);
  }

  /** The reply to what `Submit` threw. */
  refusal(error: unknown): Reply {
    if (error instanceof Refusal) {
      this.#log().refused(this.#connection, error.failure.code, error.failure.text);
      if (error.cause !== undefined) this.#log().fault(this.#connection, error);
      return renderFailure(error.failure);
    }
    this.fault(error);
    return renderFailure(failure("system.fault"));
  }

  /** The configuration was read again: its fences hold for what comes from now on, also over this connection. */
  #findPrincipalAgain(): void {
    this.#generation = this.#identity.generation;
    if (this.mechanism !== "") {
      this.principal = this.principal === null ? null : this.#identity.principal(this.principal.name);
    } else if (!this.#listener.requiresLogIn) {
      this.principal = this.#listener.whoIs(this.#connection.address);
    }
  }

  #log() {
    return this.#listener.door.deps.log;
  }

  #whyNobody(): FailureCode {
    const { isTls } = this.#connection;
    if (this.#listener.requiresLogIn) return isTls ? "submission.unauthenticated" : "submission.tls-required";
    return isTls ? "submission.unauthenticated" : "submission.network-not-trusted";
  }

  #logIn(credentials: Credentials): Promise<LogIn> {
    const { address, signal } = this.#connection;
    if (credentials.mechanism === "XOAUTH2") return this.#identity.logInWithToken(credentials.user, credentials.token, address, signal);
    // RFC 4616 §2: acting for somebody else is asked for by an authorisation identity; nobody here may.
    if (credentials.mechanism === "PLAIN" && credentials.authorizationId !== "" && credentials.authorizationId !== credentials.user) {
      return Promise.resolve({ ok: false, code: "submission.bad-credentials", delayMs: 1000 });
    }
    return this.#identity.logIn(credentials.user, credentials.password, address);
  }

  /** Ends early when the connection does. */
  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wait = null;
        resolve();
      };
      this.#wait = { timer: setTimeout(done, ms), done };
    });
  }

  #draft(principal: Principal, command: MailCommand): Draft {
    const { reversePath, envid, ret, smtputf8 } = command;
    const { address, tls } = this.#connection;
    return {
      principal,
      origin: {
        door: this.#listener.options.kind === "relay" ? "smtp" : this.#listener.options.kind,
        ...(address !== "" && { clientAddress: address }),
        clientName: this.name,
        ...(tls !== "" && { tls }),
        ...(this.mechanism !== "" && { auth: this.mechanism }),
      },
      envelope: {
        reversePath,
        recipients: this.#recipients,
        ...(envid !== undefined && { envid }),
        ...(ret !== undefined && { ret }),
        ...(smtputf8 !== undefined && { smtputf8 }),
      },
      protocol: this.#protocol(smtputf8 === true),
    };
  }

  /** The `with` word of Received. RFC 3848: ESMTP, S for TLS, A for log-in; RFC 6531 §4.3: UTF8SMTP instead of ESMTP. */
  #protocol(utf8: boolean): string {
    if (!this.#extended) return "SMTP";
    return `${utf8 ? "UTF8SMTP" : "ESMTP"}${this.#connection.isTls ? "S" : ""}${this.mechanism === "" ? "" : "A"}`;
  }
}
