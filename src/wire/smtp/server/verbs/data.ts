import type { Reply } from "../../../../mail/reply.ts";
import type { Conversation, Transaction } from "../conversation.ts";
import type { ContentSink } from "../handler.ts";
import { closeFlood, conclude, deliver, Reception } from "../reception.ts";

/** DATA (RFC 5321 §4.1.1.4): the command. */
export function data(c: Conversation, parameters: string): void {
  const { replies, transaction } = c;
  if (parameters !== "") return c.fail(replies.noParameters);
  const missing = missingForContent(c, transaction);
  if (missing !== null) return c.fail(missing);
  // RFC 3030 §2: DATA and BDAT do not mix in one transaction.
  if ((transaction?.reception ?? null) !== null) return c.fail(replies.mixedData);
  c.settle(openContent(c), afterOpen);
}

/** The reply when content may not come now; null when it may. */
export function missingForContent(c: Conversation, transaction: Transaction | null): string | null {
  const { replies } = c;
  if (transaction === null) return c.helloName === null ? replies.needHello : replies.needMail;
  if (transaction.recipients > 0) return null;
  // RFC 2920 §3.1: a client that pipelines sends DATA before it knows that every recipient was refused.
  return transaction.attempts > 0 ? replies.noValidRecipients : replies.needRcpt;
}

/** Asks the handler for a sink. */
export function openContent(c: Conversation): ContentSink | Reply | Promise<ContentSink | Reply> {
  try {
    return c.handler.content(c.transaction?.mail.size ?? null);
  } catch (error) {
    return c.replyToError(error);
  }
}

function afterOpen(c: Conversation, answer: ContentSink | Reply): void {
  const transaction = c.transaction as Transaction;
  const reception = new Reception(c, answer, true);
  if ("code" in answer) {
    c.answer(answer);
    c.endTransaction(false);
    return;
  }
  transaction.reception = reception;
  c.say(c.replies.dataGo);
  c.mode = "content";
}

/** Bytes of the content: from `from` on; gives the position behind what was consumed. */
export function dataContent(c: Conversation, chunk: Buffer, from: number): number {
  const reception = c.transaction?.reception as Reception;
  const position = reception.scanner.scan(chunk, from, chunk.length);
  deliver(c, reception, reception.scanner.piece, afterPiece);
  return position;
}

function afterPiece(c: Conversation): void {
  const reception = c.transaction?.reception as Reception;
  if (reception.isFlood()) closeFlood(c, reception);
  else if (reception.scanner.ended) conclude(c, reception);
}
