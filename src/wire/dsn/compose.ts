/**
 * Composes a delivery status notification: a multipart/report (RFC 6522) of a part for people, a part for machines (RFC 3464) and the
 * original message or its header section.
 *
 * Pure: every word, time and name comes in; the bytes come out, with CRLF line ends. Text that others chose (addresses, replies, the
 * original's subject) is cleaned here, so that none of it can start a field or a part of its own. All is ASCII as long as the receiver of
 * the notification has an ASCII address, so that it can leave by any next hop; addresses beyond ASCII are then written in the escaped form
 * of RFC 6533 §3. Only a receiver whose own address is beyond ASCII gets the 8-bit forms, because his mail comes by SMTPUTF8 anyway.
 */
import * as qp from "nodemailer/lib/qp";
import type { Reply } from "../../mail/reply.ts";
import { encodeWords } from "../mime/encoded-words.ts";
import { formatDate } from "../smtp/date.ts";
import { cleanText, field, genericAddress, isAscii } from "./fields.ts";

export interface StatusReport {
  readonly messageIdField: string;
  readonly date: number;
  /** Display name and address of the sender in the header; the envelope's reverse-path is null (RFC 3461 §6.1). */
  readonly author: { readonly name: string; readonly address: string };
  readonly to: string;
  readonly subject: string;
  /** For people: paragraphs and lists as they shall look, lines end with LF. */
  readonly text: string;
  /** Message-ID of the message it is about, with angle brackets. */
  readonly inReplyTo: string;
  readonly reportingMta: string;
  /** Our id of the message, for whoever searches our records. */
  readonly queueId: string;
  readonly arrivalDate: number;
  /** ENVID, decoded. */
  readonly envelopeId?: string;
  readonly recipients: readonly ReportedRecipient[];
  readonly original: { readonly bytes: Buffer; readonly whole: boolean };
}

/** RFC 3464 §2.3 */
export interface ReportedRecipient {
  readonly address: string;
  /** ORCPT, decoded: `rfc822;bob@example.net`. */
  readonly orcpt?: string;
  readonly action: "failed" | "delayed" | "relayed" | "delivered" | "expanded";
  /** `5.1.1` */
  readonly status: string;
  /** Host name or address of the next hop, when one was there. */
  readonly remoteMta?: string;
  /** What an SMTP peer said; or, when none spoke, our own code and words. */
  readonly diagnostic?: { readonly reply: Reply } | { readonly code: string; readonly text: string };
  readonly lastAttempt?: number;
  readonly willRetryUntil?: number;
}

export function composeStatusReport(report: StatusReport): Buffer {
  // RFC 6533 §4: the internationalised forms are for those whose mail system understands them.
  const utf8 = !isAscii(report.to);
  const parts = [textPart(report.text), statusPart(report, utf8), originalPart(report.original, utf8)];
  const boundary = chooseBoundary(report, parts);
  const eightBit = parts.some((part) => part.encoding === "8bit");
  const header = [
    field("From", `${encodeWords(cleanText(report.author.name))} <${report.author.address}>`, true),
    field("To", `<${cleanText(report.to)}>`, utf8),
    field("Subject", encodeWords(cleanText(report.subject)), true),
    field("Date", formatDate(report.date), true),
    field("Message-ID", report.messageIdField, true),
    ...references(report.inReplyTo, utf8),
    // RFC 3834 §5: nobody's vacation notice answers this.
    field("Auto-Submitted", "auto-replied", true),
    "MIME-Version: 1.0\r\n",
    // RFC 6522 §3, RFC 6533 §6
    `Content-Type: multipart/report; report-type=${utf8 ? "global-delivery-status" : "delivery-status"};\r\n boundary="${boundary}"\r\n`,
    `Content-Transfer-Encoding: ${eightBit ? "8bit" : "7bit"}\r\n\r\n`,
    "This is a delivery status notification in MIME format.\r\n",
  ];
  const pieces: Buffer[] = [Buffer.from(header.join(""))];
  for (const part of parts) {
    const encoding = part.encoding === "7bit" ? "" : `Content-Transfer-Encoding: ${part.encoding}\r\n`;
    pieces.push(
      Buffer.from(`\r\n--${boundary}\r\nContent-Type: ${part.type}\r\n${encoding}Content-Description: ${part.description}\r\n\r\n`),
      part.content,
    );
  }
  pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`));
  return Buffer.concat(pieces);
}

/** So that mail programs show it with the original; left out where it could not be kept in one line. */
function references(messageIdField: string, utf8: boolean): string[] {
  if (messageIdField.length > 900) return [];
  return [field("In-Reply-To", messageIdField, utf8), field("References", messageIdField, utf8)];
}

interface Part {
  readonly type: string;
  readonly description: string;
  readonly encoding: "7bit" | "8bit" | "quoted-printable";
  readonly content: Buffer;
}

function textPart(text: string): Part {
  const content = cleanText(text, true).replace(/\n/g, "\r\n");
  const type = "text/plain; charset=utf-8";
  // RFC 5322 §2.1.1: a longer line needs an encoding that breaks it.
  if (isAscii(content) && !/[^\n]{990}/.test(content))
    return { type, description: "Notification", encoding: "7bit", content: Buffer.from(content) };
  return { type, description: "Notification", encoding: "quoted-printable", content: quotedPrintable(Buffer.from(content)) };
}

/** RFC 3464 §2.1: the fields of the message, then a group for each recipient, with an empty line between them. */
function statusPart(report: StatusReport, utf8: boolean): Part {
  let text = field("Reporting-MTA", `dns; ${report.reportingMta}`, utf8);
  // RFC 3464 §2.2.1: only when the sender gave one.
  if (report.envelopeId !== undefined) text += field("Original-Envelope-Id", report.envelopeId, utf8);
  text += field("Arrival-Date", formatDate(report.arrivalDate), utf8);
  text += field("X-Postern-Queue-ID", report.queueId, utf8);
  for (const recipient of report.recipients) text += `\r\n${recipientFields(recipient, utf8)}`;
  return {
    type: utf8 ? "message/global-delivery-status" : "message/delivery-status",
    description: "Delivery report",
    encoding: isAscii(text) ? "7bit" : "8bit",
    content: Buffer.from(text),
  };
}

function recipientFields(recipient: ReportedRecipient, utf8: boolean): string {
  let text = "";
  if (recipient.orcpt !== undefined) {
    const semicolon = recipient.orcpt.indexOf(";");
    const type = semicolon > 0 ? recipient.orcpt.slice(0, semicolon) : "rfc822";
    text += field("Original-Recipient", genericAddress(recipient.orcpt.slice(semicolon + 1), utf8, type), utf8);
  }
  text += field("Final-Recipient", genericAddress(recipient.address, utf8), utf8);
  text += field("Action", recipient.action, utf8);
  text += field("Status", recipient.status, utf8);
  if (recipient.remoteMta !== undefined) text += field("Remote-MTA", `dns; ${recipient.remoteMta}`, utf8);
  if (recipient.diagnostic !== undefined) text += field("Diagnostic-Code", diagnosticCode(recipient.diagnostic), utf8);
  if (recipient.lastAttempt !== undefined) text += field("Last-Attempt-Date", formatDate(recipient.lastAttempt), utf8);
  if (recipient.willRetryUntil !== undefined) text += field("Will-Retry-Until", formatDate(recipient.willRetryUntil), utf8);
  return text;
}

function diagnosticCode(diagnostic: NonNullable<ReportedRecipient["diagnostic"]>): string {
  // RFC 3464 §2.3.6: `smtp` only for what an SMTP peer said. Types of our own begin with X-.
  if (!("reply" in diagnostic)) return `X-Postern; ${diagnostic.code} (${diagnostic.text})`;
  const { code, lines } = diagnostic.reply;
  // RFC 3461 §9.2: a reply of several lines is written with its codes, on one.
  return `smtp; ${lines.map((line, at) => `${code}${at < lines.length - 1 ? "-" : " "}${line}`).join(" ")}`;
}

const headerEnd = Buffer.from("\r\n\r\n");

/** RFC 6522 §3 (c): the message, or as text/rfc822-headers (§4) what names it. */
function originalPart({ bytes, whole }: StatusReport["original"], utf8: boolean): Part {
  if (whole) {
    // RFC 2046 §5.2.1: message/rfc822 may not be encoded, so 8-bit content stays so.
    return {
      type: utf8 ? "message/global" : "message/rfc822",
      description: "Original message",
      encoding: isAscii(bytes) ? "7bit" : "8bit",
      content: bytes,
    };
  }
  const end = bytes.indexOf(headerEnd);
  const headers = end >= 0 ? bytes.subarray(0, end + 2) : bytes.subarray(0, bytes.lastIndexOf("\r\n") + 2);
  const type = utf8 ? "message/global-headers" : "text/rfc822-headers";
  const description = "Header of the original message";
  if (isAscii(headers)) return { type, description, encoding: "7bit", content: headers };
  if (utf8) return { type, description, encoding: "8bit", content: headers };
  // RFC 6522 §4: may be encoded, so that 8-bit in an original header does not keep the notification from leaving.
  return { type, description, encoding: "quoted-printable", content: quotedPrintable(headers) };
}

function quotedPrintable(bytes: Buffer): Buffer {
  return Buffer.from(qp.wrap(qp.encode(bytes), 76));
}

/** A boundary that occurs in none of the parts, whatever the sender of the original put there. */
function chooseBoundary(report: StatusReport, parts: readonly Part[]): string {
  for (let n = 0; ; n++) {
    const boundary = `postern-${report.queueId}-${report.date.toString(36)}-${n}`;
    if (!parts.some((part) => part.content.includes(boundary))) return boundary;
  }
}
