import type { Reply } from "../../../mail/reply.ts";
import { formatReply, statusReply } from "../format-reply.ts";

/**
 * The session's own replies, in one place, so that an embedder (the sandbox) can put another server's words in their place.
 *
 * What the handler decides (a refused sender, a full spool) comes from the handler; these are about grammar and order. Two things they
 * never do: repeat what the client said (a hostile line would come back), and leave out the enhanced status (RFC 2034 §4).
 */
export const sessionReplies = {
  mailOk: statusReply(250, "2.1.0", "Sender ok"),
  rcptOk: statusReply(250, "2.1.5", "Recipient ok"),
  dataGo: { code: 354, lines: ["End data with <CR><LF>.<CR><LF>"] },
  chunkOk: statusReply(250, "2.0.0", "Chunk ok"),
  resetOk: statusReply(250, "2.0.0", "Ok"),
  noopOk: statusReply(250, "2.0.0", "Ok"),
  bye: statusReply(221, "2.0.0", "Bye"),
  vrfy: statusReply(252, "2.5.2", "Send the mail and see"),
  help: statusReply(214, "2.0.0", "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY STARTTLS AUTH, as in RFC 5321"),
  startTlsOk: statusReply(220, "2.0.0", "Ready to start TLS"),
  authOk: statusReply(235, "2.7.0", "Authentication succeeded"),
  authCancelled: statusReply(501, "5.7.0", "Authentication cancelled"),
  authMalformed: statusReply(501, "5.5.2", "Cannot decode the response"),
  authLineTooLong: statusReply(500, "5.5.6", "Authentication exchange line is too long"),
  authUnknown: statusReply(504, "5.5.4", "Unrecognized authentication mechanism"),
  authNeedsTls: statusReply(538, "5.7.11", "Encryption required for authentication: say STARTTLS first"),
  authNotOffered: statusReply(502, "5.5.1", "AUTH is not offered here"),
  authTwice: statusReply(503, "5.5.1", "Already authenticated"),
  authInTransaction: statusReply(503, "5.5.1", "AUTH is not allowed in a mail transaction"),
  authNeedsEhlo: statusReply(503, "5.5.1", "Say EHLO first"),
  authRequired: statusReply(530, "5.7.0", "Authentication required"),
  tlsRequired: statusReply(530, "5.7.0", "Must issue a STARTTLS command first"),
  tlsAlready: statusReply(503, "5.5.1", "TLS is already active"),
  tlsNotOffered: statusReply(502, "5.5.1", "STARTTLS is not offered here"),
  needHello: statusReply(503, "5.5.1", "Say EHLO or HELO first"),
  needMail: statusReply(503, "5.5.1", "Need MAIL first"),
  needRcpt: statusReply(503, "5.5.1", "Need RCPT first"),
  noValidRecipients: statusReply(554, "5.5.1", "No valid recipients"),
  nestedMail: statusReply(503, "5.5.1", "A mail transaction is open already"),
  mixedData: statusReply(503, "5.5.1", "DATA cannot follow BDAT"),
  rcptAfterContent: statusReply(503, "5.5.1", "RCPT cannot follow BDAT"),
  chunksFailed: statusReply(503, "5.5.1", "An earlier chunk failed, or there is no transaction"),
  unknownCommand: statusReply(500, "5.5.1", "Command unrecognized"),
  notImplemented: statusReply(502, "5.5.1", "Command not implemented"),
  badLine: statusReply(500, "5.5.2", "A command is one line of text that ends with CR LF"),
  lineTooLong: statusReply(500, "5.5.2", "Line too long"),
  noParameters: statusReply(501, "5.5.4", "No parameters allowed"),
  syntax: statusReply(501, "5.5.2", "Syntax error"),
  helloSyntax: statusReply(501, "5.5.4", "A name is needed"),
  mailSyntax: statusReply(501, "5.5.2", "Syntax: MAIL FROM:<address>"),
  rcptSyntax: statusReply(501, "5.5.2", "Syntax: RCPT TO:<address>"),
  senderAddress: statusReply(501, "5.1.7", "Bad sender address syntax"),
  recipientAddress: statusReply(501, "5.1.3", "Bad recipient address syntax"),
  utf8Sender: statusReply(553, "5.6.7", "The address needs SMTPUTF8, which was not declared"),
  utf8Recipient: statusReply(553, "5.6.7", "The address needs SMTPUTF8, which was not declared"),
  unknownParameter: statusReply(555, "5.5.4", "Parameter not recognized or not implemented"),
  duplicateParameter: statusReply(501, "5.5.4", "Parameter given twice"),
  badParameter: statusReply(501, "5.5.4", "Parameter value is not valid"),
  bdatSyntax: statusReply(501, "5.5.4", "Syntax: BDAT size [LAST]"),
  tooManyRecipients: statusReply(452, "4.5.3", "Too many recipients"),
  tooLarge: statusReply(552, "5.3.4", "The message is larger than the limit"),
  lineEndings: statusReply(554, "5.6.0", "The message has a bare CR, a bare LF or a NUL"),
  fault: statusReply(451, "4.3.0", "Something went wrong here, try again later"),
  tooManyErrors: statusReply(421, "4.7.0", "Too many errors, closing"),
  tooManyCommands: statusReply(421, "4.7.0", "Too many commands without a message, closing"),
  idle: statusReply(421, "4.4.2", "Timeout, closing"),
  shutdown: statusReply(421, "4.3.2", "Shutting down, try again later"),
} as const satisfies Record<string, Reply>;

export type SessionReplies = { readonly [Name in keyof typeof sessionReplies]: Reply };

/** The same, ready for the wire: written thousands of times a second, so formatted once. */
export type FormattedReplies = { readonly [Name in keyof SessionReplies]: string };

/** Formats the session's replies, with those that the embedder puts in their place. */
export function formatReplies(changes: Partial<SessionReplies> | undefined): FormattedReplies {
  const formatted: Record<string, string> = {};
  for (const [name, reply] of Object.entries({ ...sessionReplies, ...changes })) formatted[name] = formatReply(reply);
  return formatted as FormattedReplies;
}
