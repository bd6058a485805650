import type { Reply } from "../../../../mail/reply.ts";
import { parsePath } from "../../address.ts";
import { parseRcptParameters } from "../../rcpt-parameters.ts";
import { isPositive, type Conversation } from "../conversation.ts";
import type { Answer } from "../handler.ts";
import { skipPrefix } from "./prefix.ts";

/** RCPT TO (RFC 5321 §4.1.1.3). */
export function rcpt(c: Conversation, text: string): void {
  const { replies, options, transaction } = c;
  if (transaction === null) return c.fail(c.helloName === null ? replies.needHello : replies.needMail);
  if (transaction.reception !== null) return c.fail(replies.rcptAfterContent);
  // RFC 5321 §4.5.3.1.10: 452 beyond the limit; no error of the client, which sends the rest in another transaction. Every RCPT counts, or
  // refused ones would be a way to try addresses without end.
  if (++transaction.attempts > options.maxRecipients) return c.say(replies.tooManyRecipients);
  const from = skipPrefix(text, "TO:");
  if (from < 0) return c.fail(replies.rcptSyntax);
  const path = parsePath(text, from, options.bareAddresses);
  if (path === null || path.address === null) return c.fail(replies.recipientAddress);
  const command = parseRcptParameters(text, path.end, path.address, { dsn: c.extended && options.dsn !== false });
  if (typeof command === "string") return c.fail(replies[command]);
  if (path.utf8 && transaction.mail.smtputf8 === undefined) return c.fail(replies.utf8Recipient);
  let answer: Answer;
  try {
    answer = c.handler.rcpt(command);
  } catch (error) {
    answer = c.replyToError(error);
  }
  c.settle(answer, afterRcpt);
}

function afterRcpt(c: Conversation, reply: Reply | null): void {
  if (isPositive(reply) && c.transaction !== null) c.transaction.recipients++;
  if (reply === null) c.say(c.replies.rcptOk);
  else c.answer(reply);
}
