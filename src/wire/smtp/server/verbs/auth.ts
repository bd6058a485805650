import type { Reply } from "../../../../mail/reply.ts";
import { decodeBase64 } from "../../../sasl/base64.ts";
import { openExchange } from "../../../sasl/server-exchange.ts";
import { formatReply } from "../../format-reply.ts";
import { isPositive, type Conversation } from "../conversation.ts";
import type { Answer, Credentials } from "../handler.ts";
import type { AuthMechanism } from "../session-options.ts";

/** AUTH (RFC 4954 §4): the command that opens an exchange. */
export function auth(c: Conversation, parameters: string): void {
  const { replies } = c;
  if (c.auth.length === 0) return c.fail(replies.authNotOffered);
  if (c.helloName === null || !c.extended) return c.fail(replies.authNeedsEhlo);
  if (!c.authOffered) return c.fail(replies.authNeedsTls);
  if (c.authenticated) return c.fail(replies.authTwice);
  if (c.transaction !== null) return c.fail(replies.authInTransaction);
  const [name = "", initial = null, ...more] = parameters.split(" ", 3);
  if (name === "" || more.length > 0) return c.fail(replies.syntax);
  const mechanism = name.toUpperCase() as AuthMechanism;
  if (!c.auth.includes(mechanism)) return c.fail(replies.authUnknown);
  c.mechanism = mechanism;
  c.exchange = openExchange(mechanism);
  // RFC 4954 §4: "=" is an initial response of no octets.
  if (initial === null) step(c, null);
  else decodeAndStep(c, initial === "=" ? "" : initial);
}

/** A line of the exchange. */
export function authLine(c: Conversation, line: string): void {
  const refusal = c.pendingRefusal;
  if (refusal !== null) {
    // Whatever the client says to the challenge with the error (it should be an empty line), the reply is due now.
    leave(c);
    c.answer(refusal);
    c.countError();
  } else if (line === "*") {
    leave(c);
    c.fail(c.replies.authCancelled);
  } else decodeAndStep(c, line);
}

/** The line is longer than anybody's credentials (RFC 4954 §4: 500 5.5.6). */
export function authLineTooLong(c: Conversation): void {
  leave(c);
  c.fail(c.replies.authLineTooLong);
}

function decodeAndStep(c: Conversation, encoded: string): void {
  const response = decodeBase64(encoded);
  if (response !== null) return step(c, response);
  leave(c);
  malformed(c, null);
}

function step(c: Conversation, response: Buffer | null): void {
  const next = c.exchange?.step(response);
  if (next !== undefined && "challenge" in next) {
    c.mode = "auth";
    c.say(`334 ${next.challenge.toString("base64")}\r\n`);
  } else if (next !== undefined && "credentials" in next) {
    leave(c);
    verify(c, next.credentials);
  } else {
    leave(c);
    malformed(c, response);
  }
}

function malformed(c: Conversation, response: Buffer | null): void {
  const reply = c.mechanism === "XOAUTH2" ? c.options.xoauth2Malformed?.(response) : undefined;
  c.fail(reply === undefined ? c.replies.authMalformed : formatReply(reply));
}

function verify(c: Conversation, credentials: Credentials): void {
  let answer: Answer;
  try {
    answer = c.handler.authenticate(credentials);
  } catch (error) {
    answer = c.replyToError(error);
  }
  c.settle(answer, afterAuthenticate);
}

function afterAuthenticate(c: Conversation, reply: Reply | null): void {
  if (isPositive(reply)) {
    c.authenticated = true;
    if (reply === null) c.say(c.replies.authOk);
    else c.answer(reply);
    return;
  }
  const challenge = c.options.xoauth2Challenge === undefined ? tokenRefused : c.options.xoauth2Challenge;
  if (c.mechanism === "XOAUTH2" && reply?.code === 535 && challenge !== null) {
    // Google's XOAUTH2 page: the error comes as a challenge, the client answers with an empty line, then comes the reply.
    c.pendingRefusal = reply;
    c.mode = "auth";
    c.say(formatReply({ code: 334, lines: [Buffer.from(challenge).toString("base64")] }));
    return;
  }
  if (reply !== null) c.answer(reply);
  c.countError();
}

function leave(c: Conversation): void {
  c.mode = "command";
  c.exchange = null;
  c.pendingRefusal = null;
}

const tokenRefused = '{"status":"401","schemes":"bearer"}';
