import type { Failure } from "../../mail/failure.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Channel, ChannelListener, Lost } from "./channel.ts";
import { lossFailure } from "./loss.ts";

/** The connection could not be made ready: which step, and what it means for the route. */
export class OpenFailed extends Error {
  override readonly name = "OpenFailed";
  readonly step: OpenStep;
  readonly failure: Failure;

  constructor(step: OpenStep, reason: Failure, cause?: unknown) {
    super(reason.text, cause === undefined ? undefined : { cause });
    this.step = step;
    this.failure = reason;
  }
}

export type OpenStep = "resolve" | "connect" | "tls" | "greeting" | "hello" | "starttls" | "auth" | "mail";

/** The listener until the connection is ready: one question, one answer, and nothing unasked. */
export class Handshake implements ChannelListener {
  readonly channel: Channel;
  step: OpenStep = "greeting";
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | null = null;
  #lost: Lost | null = null;

  constructor(channel: Channel) {
    this.channel = channel;
    channel.listener = this;
  }

  /** Writes a command (null: only waits, for the greeting) and waits for its reply. */
  ask(command: string | null, timeoutMs: number): Promise<Reply> {
    if (this.#lost !== null) return Promise.reject(new OpenFailed(this.step, lossFailure(this.#lost)));
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting = { resolve, reject };
    if (command !== null) this.channel.write(`${command}\r\n`);
    this.channel.expect(timeoutMs, `the answer to ${command === null ? "the connection" : (command.split(" ", 1)[0] ?? "")}`);
    return promise;
  }

  /** A peer may say one thing too many right behind its last answer: whoever takes over would never hear that the channel has ended. */
  requireAlive(): void {
    if (this.#lost !== null) throw new OpenFailed(this.step, lossFailure(this.#lost));
  }

  onReply(reply: Reply): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.channel.fail({ why: "protocol", text: "an answer without a question" });
    else waiting.resolve(reply);
  }

  onFault(error: unknown): void {
    this.#waiting?.reject(error as Error);
    this.#waiting = null;
  }

  onLost(lost: Lost): void {
    this.#lost = lost;
    this.#waiting?.reject(new OpenFailed(this.step, lossFailure(lost)));
    this.#waiting = null;
  }
}
