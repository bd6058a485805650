import type { Reply } from "../../../../mail/reply.ts";
import { parsePath } from "../../address.ts";
import { parseMailParameters } from "../../mail-parameters.ts";
import { isPositive, type Conversation } from "../conversation.ts";
import type { Answer, MailCommand } from "../handler.ts";
import { skipPrefix } from "./prefix.ts";

/** MAIL FROM (RFC 5321 §4.1.1.2). */
export function mail(c: Conversation, text: string): void {
  const { replies, options } = c;
  if (c.helloName === null) return c.fail(replies.needHello);
  if (options.tlsRequired === true && !c.secure) return c.fail(replies.tlsRequired);
  if (options.authRequired === true && !c.authenticated) return c.fail(replies.authRequired);
  if (c.transaction !== null) return c.fail(replies.nestedMail);
  const from = skipPrefix(text, "FROM:");
  if (from < 0) return c.fail(replies.mailSyntax);
  const path = parsePath(text, from, options.bareAddresses);
  if (path === null) return c.fail(replies.senderAddress);
  // RFC 5321 §4.1.1.1: who said HELO gets no extensions.
  const command = parseMailParameters(text, path.end, path.address, {
    size: c.extended,
    eightBitMime: c.extended && options.eightBitMime !== false,
    smtpUtf8: c.extended && options.smtpUtf8 !== false,
    dsn: c.extended && options.dsn !== false,
    auth: c.extended && c.auth.length > 0,
  });
  if (typeof command === "string") return c.fail(replies[command]);
  // RFC 6531 §3.5: an address beyond ASCII needs the parameter.
  if (path.utf8 && command.smtputf8 === undefined) return c.fail(replies.utf8Sender);
  // RFC 1870 §6.1: refused before a byte of it came.
  if (command.size !== undefined && command.size > options.maxMessageSize) return c.fail(replies.tooLarge);
  c.pendingMail = command;
  let answer: Answer;
  try {
    answer = c.handler.mail(command);
  } catch (error) {
    answer = c.replyToError(error);
  }
  c.settle(answer, afterMail);
}

function afterMail(c: Conversation, reply: Reply | null): void {
  if (isPositive(reply)) {
    c.transaction = { mail: c.pendingMail as MailCommand, attempts: 0, recipients: 0, reception: null };
  } else if ((reply as Reply).code >= 500) c.countError();
  c.pendingMail = null;
  if (reply === null) c.say(c.replies.mailOk);
  else c.answer(reply);
}
