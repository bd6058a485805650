import type { Envelope } from "../mail/envelope.ts";
import type { Principal } from "../identity/principal.ts";
import type { Origin } from "../queue/store.ts";

/**
 * The one way in. A door opens an Incoming for each message, feeds it the content, and ends it; `end` resolves only when the message is on
 * stable storage and rejects with a Refusal when it is not taken. Nothing else writes to the queue from outside.
 */
export type Submit = (draft: Draft) => Incoming;

/**
 * Several messages that belong together: all are durable when it resolves, or none is. The receipts stand in the order of the messages.
 * Rejects with a Refusal. The messages are asked for one after the other; what making one throws ends it.
 */
export type SubmitAll = (messages: AsyncIterable<WholeMessage>, more: MoreRoom) => Promise<readonly Receipt[]>;

/** A message whose content is all there. */
export interface WholeMessage {
  readonly draft: Draft;
  readonly content: Buffer;
  /** For the trace. */
  readonly event?: { readonly what: string; readonly text: string };
}

/** What is known before the content. */
export interface Draft {
  readonly principal: Principal;
  readonly origin: Origin;
  readonly envelope: Envelope;
  /** What RFC 5321 §4.4 wants in our Received field about the client: `HELO-name (address)` parts come from `origin`; `ESMTPSA` and the like. */
  readonly protocol: string;
  /** Policy-clock ms; absent: at once. */
  readonly notBefore?: number;
  /**
   * Told the id that the message will have, when nothing speaks against it and before it is durable, so that the door can note what becomes of
   * its source. What it rejects with refuses the message. Not for principals whose messages become several (X-SMTPAPI).
   */
  readonly announce?: (id: number) => Promise<void>;
}

export interface Incoming {
  /** Takes a piece and may keep it. A promise asks the door to wait before the next. */
  write(piece: Buffer): void | Promise<void>;
  end(facts: ContentFacts, more: MoreRoom): Promise<Receipt>;
  /** The message will not come; releases what was taken. */
  abort(): void;
}

/** Asks the door for memory beyond the content's own, until `end` settles; false: there is none to be had now. */
export type MoreRoom = (bytes: number) => boolean;

/** What one pass over the content saw; the door's grammar tells it. */
export interface ContentFacts {
  readonly size: number;
  readonly leadingDots: boolean;
  readonly eightBit: boolean;
}

export interface Receipt {
  readonly id: number;
}
