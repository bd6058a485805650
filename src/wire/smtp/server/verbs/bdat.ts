import type { Reply } from "../../../../mail/reply.ts";
import type { Conversation, Transaction } from "../conversation.ts";
import type { ContentSink } from "../handler.ts";
import { closeFlood, conclude, deliver, Reception } from "../reception.ts";
import { missingForContent, openContent } from "./data.ts";

/**
 * BDAT (RFC 3030 §2): the command. Its octets follow at once, whatever we think of it, so they are read in every case; only where their
 * number cannot be known the session closes, because content would be taken for commands.
 */
export function bdat(c: Conversation, parameters: string): void {
  const match = form.exec(parameters);
  if (match === null) {
    c.fail(c.replies.bdatSyntax);
    c.closing ??= "BDAT without a size";
    return;
  }
  const size = Number(match[1]);
  const { transaction } = c;
  const earlier = transaction?.reception ?? null;
  if (earlier === null ? size > 2 * c.options.maxMessageSize + 65536 : earlier.isFlood(size)) return closeFlood(c, earlier);
  c.chunkLeft = size;
  c.chunkLast = match[2] !== undefined;
  c.mode = "chunk";
  // RFC 3030 §2: what comes behind a failed chunk gets 503, and so does a chunk without a transaction.
  const missing = c.options.chunking === false ? c.replies.notImplemented : missingForContent(c, transaction);
  c.chunkRefusal = transaction === null && c.options.chunking !== false && c.helloName !== null ? c.replies.chunksFailed : missing;
  if (c.chunkRefusal === null && earlier === null) c.settle(openContent(c), afterOpen);
  else begin(c);
}

function afterOpen(c: Conversation, answer: ContentSink | Reply): void {
  (c.transaction as Transaction).reception = new Reception(c, answer, false);
  begin(c);
}

function begin(c: Conversation): void {
  const reception = c.transaction?.reception ?? null;
  if (c.chunkRefusal === null && reception !== null && reception.size + c.chunkLeft > c.options.maxMessageSize) {
    reception.refuse(c.replies.tooLarge);
  }
  if (c.chunkLeft === 0) afterPiece(c);
}

/** Octets of the chunk: from `from` on; gives the position behind what was consumed. */
export function chunkContent(c: Conversation, chunk: Buffer, from: number): number {
  const to = Math.min(chunk.length, from + c.chunkLeft);
  const reception = c.chunkRefusal === null ? (c.transaction?.reception ?? null) : null;
  if (reception === null) {
    c.chunkLeft -= to - from;
    if (c.chunkLeft === 0) afterPiece(c);
    return to;
  }
  const position = reception.scanner.scan(chunk, from, to);
  c.chunkLeft -= position - from;
  deliver(c, reception, reception.scanner.piece, afterPiece);
  return position;
}

function afterPiece(c: Conversation): void {
  if (c.chunkLeft > 0) return;
  const refusal = c.chunkRefusal;
  if (refusal !== null) {
    c.mode = "command";
    c.chunkRefusal = null;
    c.fail(refusal);
    return;
  }
  const reception = c.transaction?.reception as Reception;
  if (reception.verdict(c) !== null) conclude(c, reception);
  else if (c.chunkLast) deliver(c, reception, reception.scanner.finish(), afterLast);
  else {
    c.mode = "command";
    c.say(c.replies.chunkOk);
  }
}

function afterLast(c: Conversation): void {
  conclude(c, c.transaction?.reception as Reception);
}

// Fifteen digits are below 2^53.
const form = /^([0-9]{1,15})( +LAST)?$/i;
