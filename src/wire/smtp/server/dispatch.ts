import { classifyLine, readArgument, readVerb } from "../command.ts";
import type { Conversation } from "./conversation.ts";
import { auth, authLine } from "./verbs/auth.ts";
import { bdat } from "./verbs/bdat.ts";
import { data } from "./verbs/data.ts";
import { hello } from "./verbs/hello.ts";
import { mail } from "./verbs/mail.ts";
import { rcpt } from "./verbs/rcpt.ts";
import { help, noop, quit, rset, unknown, vrfy } from "./verbs/small.ts";
import { startTls } from "./verbs/start-tls.ts";

/** One complete line, without CR LF: a command, or a line of an AUTH exchange. */
export function dispatch(c: Conversation, line: Buffer, start: number, end: number): void {
  const bytes = classifyLine(line, start, end);
  if (c.mode === "auth") {
    // What is not base64 is refused there, so bad bytes may go in as `?`.
    authLine(c, bytes === "ascii" ? line.toString("latin1", start, end) : "?");
    return;
  }
  // RFC 5321 §2.3.8 and §4.1.1: no bare CR, no NUL, no other controls in a command.
  if (bytes === "control") return c.fail(c.replies.badLine);
  const verb = readVerb(line, start, end);
  if (end - start + 2 > c.options.maxCommandLine && verb !== "AUTH") return c.fail(c.replies.lineTooLong);
  const text = readArgument(line, verb === "other" ? start : start + verb.length, end, bytes === "ascii");
  if (text === null) return c.fail(c.replies.syntax);
  switch (verb) {
    case "MAIL":
      return mail(c, text);
    case "RCPT":
      return rcpt(c, text);
    case "DATA":
      return data(c, text);
    case "BDAT":
      return bdat(c, text);
    case "EHLO":
      return hello(c, text, true);
    case "HELO":
      return hello(c, text, false);
    case "RSET":
      return rset(c, text);
    case "NOOP":
      return noop(c);
    case "QUIT":
      return quit(c, text);
    case "VRFY":
      return vrfy(c, text);
    case "HELP":
      return help(c);
    case "STARTTLS":
      return startTls(c, text);
    case "AUTH":
      return auth(c, text);
    case "EXPN":
    case "TURN":
      return c.fail(c.replies.notImplemented);
    case "other":
      return unknown(c, text);
  }
}
