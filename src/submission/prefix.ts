import { formatId } from "../lib/ids.ts";
import type { HeaderScan } from "../wire/mime/header-scan.ts";
import { formatDate } from "../wire/mime/date.ts";
import { receivedField } from "../wire/smtp/received.ts";
import type { Draft } from "./submission.ts";

/**
 * What goes on top of the content: our Received field (RFC 5321 §4.4), and the fields that the message should have and has not
 * (RFC 6409 §8: a submission server adds Date, Message-ID, and a From it can know).
 */
export function composePrefix(header: HeaderScan, draft: Draft, { id, now, hostname }: { id: number; now: number; hostname: string }) {
  const { origin, envelope } = draft;
  const single = envelope.recipients.length === 1 ? envelope.recipients[0]?.address : undefined;
  let text = receivedField({
    name: origin.clientName ?? "",
    address: origin.clientAddress ?? "",
    hostname,
    protocol: draft.protocol,
    id: formatId(id),
    date: now,
    ...(origin.tls === undefined ? {} : { tls: origin.tls }),
    ...(single === undefined ? {} : { recipient: single }),
  });
  const { reversePath } = envelope;
  const author = header.authors.slice(0, 3).join(", ") || (reversePath ?? "");
  const messageIdField = header.messageId ?? `<${formatId(id)}.postern@${hostname}>`;
  // RFC 6854 lets the null sender write a group; a device that says MAIL FROM:<> and no From gets none.
  if (!header.hasFrom && reversePath !== null) text += `From: <${reversePath}>\r\n`;
  if (!header.hasDate) text += `Date: ${formatDate(now)}\r\n`;
  if (!header.hasMessageId) text += `Message-ID: ${messageIdField}\r\n`;
  // A content without any field is a body alone: our fields become its header section.
  if (header.faults.includes("no-header")) text += "\r\n";
  return { prefix: Buffer.from(text, "utf8"), messageIdField, author };
}
