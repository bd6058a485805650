import type { Reply } from "../../../../mail/reply.ts";
import { formatReply } from "../../format-reply.ts";
import { isPositive, type Conversation } from "../conversation.ts";
import type { Answer } from "../handler.ts";
import type { EhloState } from "../session-options.ts";

/** EHLO and HELO (RFC 5321 §4.1.1.1). The name is told, never believed: RFC 5321 §4.1.4 forbids refusing mail for it. */
export function hello(c: Conversation, name: string, extended: boolean): void {
  c.countIdle();
  if (name === "") return c.fail(c.replies.helloSyntax);
  // RFC 5321 §4.1.4: a new EHLO ends the transaction as RSET does.
  c.endTransaction(false);
  c.helloName = name;
  c.extended = extended;
  let answer: Answer;
  try {
    answer = c.handler.hello(name, extended);
  } catch (error) {
    answer = c.replyToError(error);
  }
  c.settle(answer, afterHello);
}

function afterHello(c: Conversation, reply: Reply | null): void {
  const name = c.helloName ?? "";
  if (!isPositive(reply)) c.helloName = null;
  if (reply !== null) c.answer(reply);
  else c.say(greet(c, { name, secure: c.secure, authenticated: c.authenticated }));
}

function greet(c: Conversation, state: EhloState): string {
  const { hostname, helloText, ehloKeywords } = c.options;
  // RFC 2034 §4: no enhanced status here.
  const first = helloText === undefined ? hostname : `${hostname} ${helloText(state)}`;
  if (!c.extended) return formatReply({ code: 250, lines: [first] });
  const keywords = listKeywords(c);
  return formatReply({ code: 250, lines: [first, ...(ehloKeywords?.(keywords, state) ?? keywords)] });
}

function listKeywords(c: Conversation): readonly string[] {
  const { options } = c;
  const keywords: string[] = [];
  if (options.pipelining !== false) keywords.push("PIPELINING"); // RFC 2920
  keywords.push(`SIZE ${options.maxMessageSize}`); // RFC 1870 §4
  if (options.eightBitMime !== false) keywords.push("8BITMIME"); // RFC 6152
  keywords.push("ENHANCEDSTATUSCODES"); // RFC 2034 §3
  if (options.chunking !== false) keywords.push("CHUNKING"); // RFC 3030 §2
  if (options.dsn !== false) keywords.push("DSN"); // RFC 3461 §4
  if (options.smtpUtf8 !== false) keywords.push("SMTPUTF8"); // RFC 6531 §3.1
  // RFC 3207 §4.2: not offered again once TLS is up.
  if (options.startTls === true && !c.secure) keywords.push("STARTTLS");
  // RFC 4954 §4: not offered where a password would go in the clear.
  if (c.authOffered) keywords.push(`AUTH ${c.auth.join(" ")}`);
  return keywords;
}
