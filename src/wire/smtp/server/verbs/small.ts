import type { Conversation } from "../conversation.ts";

/** RSET (RFC 5321 §4.1.1.5). */
export function rset(c: Conversation, parameters: string): void {
  if (parameters !== "") return c.fail(c.replies.noParameters);
  c.countIdle();
  c.endTransaction(false);
  c.say(c.replies.resetOk);
}

/** NOOP (RFC 5321 §4.1.1.9): a parameter is passed over. */
export function noop(c: Conversation): void {
  c.countIdle();
  c.say(c.replies.noopOk);
}

/** VRFY (RFC 5321 §3.5.3): 252, because we tell nobody who exists (§7.3). */
export function vrfy(c: Conversation, parameters: string): void {
  if (parameters === "") return c.fail(c.replies.syntax);
  c.countIdle();
  c.say(c.replies.vrfy);
}

/** HELP (RFC 5321 §4.1.1.8). */
export function help(c: Conversation): void {
  c.countIdle();
  c.say(c.replies.help);
}

/** QUIT (RFC 5321 §4.1.1.10). */
export function quit(c: Conversation, parameters: string): void {
  if (parameters !== "") return c.fail(c.replies.noParameters);
  c.say(c.replies.bye);
  c.closing = "QUIT";
}

/**
 * A verb that we do not know. HTTP is somebody's browser or server, made to speak to us by a third party (cross-protocol request forgery):
 * it gets no chance to reach a line that we would understand.
 */
export function unknown(c: Conversation, line: string): void {
  c.fail(c.replies.unknownCommand);
  if (/^(?:GET|POST|PUT|HEAD|CONNECT|OPTIONS) \S+ HTTP\//i.test(line)) c.closing ??= "HTTP";
}
