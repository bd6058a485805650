import { domainOf } from "../mail/address.ts";
import type { OutgoingContent } from "../routes/route.ts";
import type { Lane } from "./lanes.ts";
import type { StoredMessage, StoredRecipient } from "./store.ts";

/** Bytes that a job costs beside its content. */
export const jobOverhead = 1500;

/** A leased piece of work: recipients of one message that can share a transaction. */
export interface Job {
  readonly message: StoredMessage;
  readonly recipients: readonly StoredRecipient[];
  readonly content: OutgoingContent;
  /** Bytes that this job keeps in memory. */
  readonly weight: number;
  readonly lane: Lane;
  /** Routes that failed in this turn, so that fail-over does not go in circles. */
  readonly tried: readonly string[];
  /** One of these was out of service: what the others cannot carry may still go by it, later. */
  readonly maySucceedLater: boolean;
}

/** The content of a message as a route wants it. `read` is asked only when the body is not in memory. */
export function outgoingContent(
  message: StoredMessage,
  body: Uint8Array | null,
  read: (message: StoredMessage) => AsyncIterable<Uint8Array>,
): OutgoingContent {
  const inMemory = body === null ? null : [message.prefix, body];
  return {
    size: message.prefix.length + message.content.size,
    leadingDots: message.content.leadingDots,
    eightBit: message.content.eightBit,
    inMemory,
    stream: () => (inMemory === null ? withPrefix(message.prefix, read(message)) : piecesOf(inMemory)),
  };
}

async function* piecesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

async function* withPrefix(prefix: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield prefix;
  yield* rest;
}

/** Splits recipients so that each part fits into one transaction of a route. @param perDestination of the route's traits */
export function* portions(
  recipients: readonly StoredRecipient[],
  max: number,
  perDestination: boolean,
): Generator<readonly StoredRecipient[]> {
  if (perDestination && recipients.length > 1) {
    // One destination's outcome must not wait for another's.
    for (const same of Map.groupBy(recipients, ({ address }) => domainOf(address)).values()) yield* portions(same, max, false);
    return;
  }
  if (recipients.length <= max) {
    yield recipients;
    return;
  }
  for (let from = 0; from < recipients.length; from += max) yield recipients.slice(from, from + max);
}
