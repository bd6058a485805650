import type {
  Claim,
  ClaimedMessage,
  Operation,
  Settlement,
  StoredMessage,
  StoredRecipient,
  Attempt,
  TraceEvent,
} from "../../queue/store.ts";
import type { Failure } from "../../mail/failure.ts";
import { replyText } from "../../mail/reply.ts";
import { enhancedStatus } from "../../mail/status.ts";
import { operations, type Packed } from "./protocol.ts";
import { stateCodes } from "./state-codes.ts";

/** A batch on its way to the writer: values in order, and contents to be laid end to end. */
export class Packer {
  readonly values: (number | string | null)[] = [];
  readonly #contents: Uint8Array[] = [];
  bytes = 0;

  /** Adds a content and says where it will lie. */
  content(piece: Uint8Array): void {
    this.#contents.push(piece);
    this.bytes += piece.byteLength;
  }

  /** One buffer of its own, so that it can be transferred; null when there is none. */
  contents(): Uint8Array<ArrayBuffer> | null {
    if (this.bytes === 0) return null;
    const all = Buffer.allocUnsafeSlow(this.bytes);
    let at = 0;
    for (const piece of this.#contents) {
      all.set(piece, at);
      at += piece.byteLength;
    }
    return all;
  }
}

const nothing = new Uint8Array(0);

/** The order of the values is the order in which writer/operations.ts takes them. */
export function packOperation(packer: Packer, operation: Operation): void {
  switch (operation.op) {
    case "accept":
      return packAccept(packer, operation);
    case "settle":
      return packSettle(packer, operation.messageId, operation.recipients, operation.attempt);
    case "decision":
      packer.values.push(operations.decision, operation.key, JSON.stringify(operation.decision));
      return;
    case "event":
      packer.values.push(operations.event, operation.messageId, storyOfEvent(operation.event));
      return;
    case "begin":
      packer.values.push(operations.begin, operation.messageId, operation.recipients.length, ...operation.recipients);
      return;
    case "rerouted":
      packer.values.push(
        operations.rerouted,
        operation.messageId,
        operation.decision,
        operation.recipients.length,
        ...operation.recipients,
      );
      return;
  }
}

function packAccept(packer: Packer, { message, body, recipients }: Operation & { op: "accept" }): void {
  const extents = message.content.extents;
  const content = body ?? nothing;
  packer.values.push(
    operations.accept,
    message.id,
    message.receivedAt,
    message.expiresAt,
    message.principal,
    message.reversePath,
    metaOf(message),
    extents === undefined ? null : JSON.stringify(extents.map(({ segment, offset, length }) => [segment, offset, length])),
    message.prefix.byteLength,
    packer.bytes,
    message.prefix.byteLength + content.byteLength,
    recipients.length,
  );
  packer.content(message.prefix);
  packer.content(content);
  for (const recipient of recipients) {
    packer.values.push(
      recipient.n,
      stateCodes[recipient.state],
      recipient.lane,
      recipient.notBefore,
      recipient.attempts,
      recipient.delayTold === true ? 1 : 0,
      recipient.address,
      recipient.decision,
      recipient.notify === undefined && recipient.orcpt === undefined
        ? null
        : JSON.stringify({ notify: recipient.notify, orcpt: recipient.orcpt }),
      recipient.lastFailure === undefined ? null : JSON.stringify(recipient.lastFailure),
    );
  }
}

function packSettle(packer: Packer, messageId: number, settlements: readonly Settlement[], attempt: Attempt | undefined): void {
  packer.values.push(operations.settle, messageId, attempt === undefined ? null : storyOfAttempt(attempt, settlements), settlements.length);
  for (const settlement of settlements) {
    packer.values.push(
      settlement.n,
      stateCodes[settlement.from],
      stateCodes[settlement.to],
      settlement.notBefore ?? null,
      settlement.lane ?? null,
      settlement.attempts ?? null,
      settlement.failure === undefined ? null : JSON.stringify(settlement.failure),
      settlement.text ?? null,
      settlement.delayTold === true ? 1 : 0,
    );
  }
}

/** The message as the trace tells it and as a claim gives it back; content and prefix lie beside it. */
function metaOf(message: StoredMessage): string {
  const { size, leadingDots, eightBit } = message.content;
  const {
    id,
    receivedAt,
    principal,
    origin,
    reversePath,
    envid,
    ret,
    smtputf8,
    messageIdField,
    subject,
    author,
    priority,
    expiresAt,
    dsnFor,
  } = message;
  return JSON.stringify({
    id,
    receivedAt,
    principal,
    origin,
    reversePath,
    envid,
    ret,
    smtputf8,
    messageIdField,
    subject,
    author,
    size,
    leadingDots: leadingDots || undefined,
    eightBit: eightBit || undefined,
    priority,
    expiresAt,
    dsnFor,
  });
}

/** A TraceAttempt as text: it is stored and handed out without being read. */
function storyOfAttempt(attempt: Attempt, settlements: readonly Settlement[]): string {
  const results = settlements.map(({ n, to, failure, text }) => ({
    n,
    to,
    text: failure === undefined ? (text ?? "") : failureText(failure),
    status: failure === undefined ? undefined : enhancedStatus(failure.permanent, failure.detail),
  }));
  return JSON.stringify({ ...attempt, results });
}

export function storyOfEvent(event: TraceEvent): string {
  return JSON.stringify(event);
}

function failureText(failure: Failure): string {
  return failure.reply === undefined ? failure.text : replyText(failure.reply);
}

interface Meta extends Omit<StoredMessage, "content" | "prefix"> {
  readonly size: number;
  readonly leadingDots?: true;
  readonly eightBit?: true;
}

/** A message's columns, back to the object. */
export function messageOf(metaText: string, extentsText: string | null, prefix: Uint8Array): StoredMessage {
  const { size, leadingDots = false, eightBit = false, ...rest } = JSON.parse(metaText) as Meta;
  if (extentsText === null) return { ...rest, prefix, content: { size, leadingDots, eightBit } };
  const extents = (JSON.parse(extentsText) as [number, number, number][]).map(([segment, offset, length]) => ({ segment, offset, length }));
  return { ...rest, prefix, content: { size, leadingDots, eightBit, extents } };
}

/** How many values a recipient is in the answer of a claim; `recipientOf` takes them in this order. */
export const recipientColumns = "n, lane, not_before, attempts, told, address, decision, dsn, failure";
export const recipientWidth = 9;

export function recipientOf(row: Packed, at: number): StoredRecipient {
  const dsn = row[at + 7] as string | null;
  const failure = row[at + 8] as string | null;
  const recipient = {
    n: row[at] as number,
    lane: row[at + 1] as number,
    notBefore: row[at + 2] as number,
    attempts: row[at + 3] as number,
    address: row[at + 5] as string,
    decision: row[at + 6] as string,
  };
  if (dsn === null && failure === null && row[at + 4] === 0) return recipient;
  return {
    ...recipient,
    ...(dsn === null ? undefined : (JSON.parse(dsn) as Pick<StoredRecipient, "notify" | "orcpt">)),
    ...(failure === null ? undefined : { lastFailure: JSON.parse(failure) as Failure }),
    ...(row[at + 4] === 0 ? undefined : { delayTold: true as const }),
  };
}

/** next due, then per message: meta, extents, prefix size, position and length of its content, recipients, each with its columns. */
export function unpackClaim(result: Packed, contents: Uint8Array | null): Claim {
  const messages: ClaimedMessage[] = [];
  let at = 1;
  while (at < result.length) {
    const [meta, extents, prefixSize, position, length, count] = result.slice(at, at + 6) as [
      string,
      string | null,
      number,
      number,
      number,
      number,
    ];
    at += 6;
    const content = contents?.subarray(position, position + length) ?? nothing;
    const message = messageOf(meta, extents, content.subarray(0, prefixSize));
    const recipients: StoredRecipient[] = [];
    for (let i = 0; i < count; i++, at += recipientWidth) recipients.push(recipientOf(result, at));
    messages.push({ message, recipients, body: extents === null ? content.subarray(prefixSize) : null });
  }
  return { messages, nextDue: result[0] as number | null };
}
