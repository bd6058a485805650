import { isMailbox } from "../smtp/address.ts";
import { AcsError } from "./acs-error.ts";
import type { AcsApiVersion } from "./api-version.ts";
import { readAttachments } from "./attachments.ts";
import { readHeaders } from "./headers.ts";
import { invalid, readLine, readObject, readText } from "./read.ts";

/** EmailMessage, checked: every address is one address, and no text that goes into a header field can end it. */
export interface EmailMessage {
  readonly senderAddress: string;
  readonly subject: string;
  readonly plainText?: string;
  readonly html?: string;
  readonly to: readonly EmailAddress[];
  readonly cc: readonly EmailAddress[];
  readonly bcc: readonly EmailAddress[];
  readonly replyTo: readonly EmailAddress[];
  /** Names and values of fields that the message gets besides. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The customer's own, with angle brackets. */
  readonly messageId?: string;
  readonly attachments: readonly EmailAttachment[];
}

export interface EmailAddress {
  readonly address: string;
  readonly displayName?: string;
}

export interface EmailAttachment {
  readonly name: string;
  readonly contentType: string;
  readonly content: Buffer;
  /** Without angle brackets: the HTML refers to it as `cid:…`. */
  readonly contentId?: string;
}

/** MS azure-docs "Service limits" (read 2026-11-21): recipients of one request, to, cc and bcc together. */
const maxRecipients = 50;

/**
 * Reads the body of `emails:send`. Strict: what the specification does not know is refused and never passed over.
 *
 * @throws AcsError
 */
export function parseEmailMessage(value: unknown, version: AcsApiVersion): EmailMessage {
  const message = readObject(value, "", messageKeys);
  const content = readObject(message["content"], "content", ["subject", "plainText", "html"]);
  const recipients = readObject(message["recipients"], "recipients", ["to", "cc", "bcc"]);
  if (recipients["to"] === undefined) throw invalid("recipients.to", "is required");
  const [to, cc, bcc] = (["to", "cc", "bcc"] as const).map((key) => readAddresses(recipients[key], `recipients.${key}`)) as [
    EmailAddress[],
    EmailAddress[],
    EmailAddress[],
  ];
  const count = to.length + cc.length + bcc.length;
  if (count === 0) throw invalid("recipients", "names nobody");
  if (count > maxRecipients) throw invalid("recipients", `has ${count} addresses; ${maxRecipients} are allowed`);
  const sender = readText(message["senderAddress"], "senderAddress");
  if (!isPlainMailbox(sender)) throw invalidAddress("senderAddress");
  if (message["userEngagementTrackingDisabled"] !== undefined && typeof message["userEngagementTrackingDisabled"] !== "boolean")
    throw invalid("userEngagementTrackingDisabled", "must be a boolean");
  const { fields, messageId, wishes } = readHeaders(message["headers"]);
  const [plainText, html] = (["plainText", "html"] as const).map((key) =>
    content[key] === undefined ? undefined : readBody(content[key], `content.${key}`),
  );
  if (plainText === undefined && html === undefined) throw invalid("content", "needs plainText or html");
  return {
    senderAddress: sender,
    subject: readLine(content["subject"], "content.subject"),
    ...(plainText === undefined ? {} : { plainText }),
    ...(html === undefined ? {} : { html }),
    to,
    cc,
    bcc,
    replyTo: readAddresses(message["replyTo"], "replyTo"),
    headers: fields,
    ...(messageId === undefined ? {} : { messageId }),
    attachments: readAttachments(message["attachments"], version, wishes),
  };
}

function readBody(value: unknown, target: string): string {
  const text = readText(value, target);
  if (text.includes("\0")) throw invalid(target, "has a NUL");
  return text;
}

const messageKeys = [
  "headers",
  "senderAddress",
  "content",
  "recipients",
  "attachments",
  "replyTo",
  "userEngagementTrackingDisabled",
] as const;

function readAddresses(value: unknown, target: string): EmailAddress[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw invalid(target, "must be an array");
  if (value.length > maxRecipients) throw invalid(target, `has ${value.length} addresses; ${maxRecipients} are allowed`);
  return value.map((each: unknown, index) => {
    const at = `${target}[${index}]`;
    const { address, displayName } = readObject(each, at, ["address", "displayName"]);
    // One mailbox and nothing else: no list, no name, no line end.
    if (typeof address !== "string" || !isPlainMailbox(address)) throw invalidAddress(`${at}.address`);
    if (displayName === undefined) return { address };
    return { address, displayName: readLine(displayName, `${at}.displayName`) };
  });
}

/** One mailbox of ASCII. In a quoted local part anything could stand, and readers of the header would differ about it. */
function isPlainMailbox(text: string): boolean {
  return isMailbox(text) && !text.includes('"');
}

function invalidAddress(target: string): AcsError {
  return new AcsError(400, "InvalidEmailAddress", "Invalid format for email address", target);
}
