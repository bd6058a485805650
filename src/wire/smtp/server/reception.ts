import type { Reply } from "../../../mail/reply.ts";
import { ContentScanner } from "../content-scanner.ts";
import { formatReply } from "../format-reply.ts";
import type { Conversation } from "./conversation.ts";
import { isPositive } from "./conversation.ts";
import type { ContentFacts, ContentSink } from "./handler.ts";

/**
 * The content of one message on its way to the sink, for DATA and BDAT alike.
 *
 * Once it is clear that the message will be refused, the sink is told to let go and the rest is read and dropped, because SMTP has no way to
 * refuse before the end. That has a bound too (`isFlood`): whoever sends twice the allowed size is not going to read the reply.
 */
export class Reception implements ContentFacts {
  readonly scanner: ContentScanner;
  /** Why the message is refused whatever its bytes are: formatted. */
  #refusal: string | null = null;
  /** What the sink's failure is answered with, when the bytes themselves are fine. */
  #failure: string | null = null;
  #sink: ContentSink | null;
  readonly #max: number;
  readonly #strict: boolean;

  constructor(conversation: Conversation, answer: ContentSink | Reply, stuffed: boolean) {
    const { maxMessageSize, lineEndings = "strict" } = conversation.options;
    this.scanner = new ContentScanner(stuffed, lineEndings);
    this.#max = maxMessageSize;
    this.#strict = lineEndings === "strict";
    if (isSink(answer)) this.#sink = answer;
    else {
      this.#sink = null;
      this.#refusal = formatReply(answer);
    }
  }

  get size(): number {
    return this.scanner.size;
  }
  get leadingDots(): boolean {
    return this.scanner.leadingDots;
  }
  get eightBit(): boolean {
    return this.scanner.eightBit;
  }

  isFlood(coming = 0): boolean {
    return this.scanner.size + coming > 2 * this.#max + 65536;
  }

  /** Hands the sink a piece. A promise: wait before the next. */
  write(piece: Buffer): void | Promise<void> {
    if (this.#sink === null) return undefined;
    if (this.scanner.size > this.#max || this.#badBytes()) return this.abort();
    return this.#sink.write(piece);
  }

  /**
   * The negative reply that is due; null: none, the sink decides. In an order that does not depend on which of several faults was seen
   * first, because that depends on how the bytes were cut into chunks.
   */
  verdict({ replies }: Conversation): string | null {
    if (this.#refusal !== null) return this.#refusal;
    if (this.scanner.size > this.#max) return replies.tooLarge;
    return this.#badBytes() ? replies.lineEndings : this.#failure;
  }

  /** Refuses the message whatever will come. */
  refuse(reply: string): void {
    this.#refusal ??= reply;
    this.abort();
  }

  /** The sink failed. */
  fail(reply: Reply): void {
    this.#failure ??= formatReply(reply);
    this.abort();
  }

  /** All came and is well: the sink's answer is the reply. The sink is not ours to abort from here on. */
  end(): Reply | Promise<Reply> {
    const sink = this.#sink as ContentSink;
    this.#sink = null;
    const { size, leadingDots, eightBit } = this.scanner;
    return sink.end({ size, leadingDots, eightBit });
  }

  abort(): void {
    const sink = this.#sink;
    this.#sink = null;
    sink?.abort();
  }

  #badBytes(): boolean {
    return this.scanner.nul || (this.#strict && this.scanner.bareLineEnding);
  }
}

/** Writes the scanner's piece, and goes on with `then` when the sink is ready for more. */
export function deliver(c: Conversation, reception: Reception, piece: Buffer | null, then: (c: Conversation) => void): void {
  if (piece !== null) {
    try {
      const written = reception.write(piece);
      if (written !== undefined) {
        c.settle<unknown>(written, (_, failure) => {
          if (failure !== undefined) reception.fail(failure as Reply);
          then(c);
        });
        c.sinkBusy = c.busy;
        return;
      }
    } catch (error) {
      reception.fail(c.replyToError(error));
    }
  }
  then(c);
}

/** The content is complete: answers it, by the verdict or by the sink. */
export function conclude(c: Conversation, reception: Reception): void {
  c.mode = "command";
  const verdict = reception.verdict(c);
  if (verdict !== null) {
    c.say(verdict);
    if (verdict.startsWith("421")) c.closing ??= "421";
    c.endTransaction(false);
    return;
  }
  let answer: Reply | Promise<Reply>;
  try {
    answer = reception.end();
  } catch (error) {
    answer = c.replyToError(error);
  }
  c.settle(answer, afterEnd);
}

function afterEnd(c: Conversation, reply: Reply): void {
  c.answer(reply);
  c.endTransaction(isPositive(reply));
}

/** Far too much: says so and closes, because dropping it to its end could take for ever. */
export function closeFlood(c: Conversation, reception: Reception | null): void {
  reception?.abort();
  c.say(c.replies.tooLarge);
  c.closing = "too large by far";
}

function isSink(answer: ContentSink | Reply): answer is ContentSink {
  return "write" in answer;
}
