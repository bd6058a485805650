import { randomUUID } from "node:crypto";
import { domainOf } from "../../mail/address.ts";
import type { EmailAddress, EmailAttachment, EmailMessage } from "../../wire/acs/email-message.ts";
import type { AttachedFile, MessageParts, NamedMailbox } from "../../wire/mime/compose-message.ts";

/**
 * A request's message as the parts that its bytes are composed of. Everything in it has been checked (wire/acs). Blind copies are in the
 * envelope only (RFC 5322 §3.6.3).
 *
 * @param now policy-clock ms
 */
export function partsOf(message: EmailMessage, messageId: string | undefined, now: number): MessageParts {
  const { senderAddress, subject, plainText, html, headers } = message;
  return {
    from: { address: senderAddress },
    to: message.to.map(mailboxOf),
    cc: message.cc.map(mailboxOf),
    replyTo: message.replyTo.map(mailboxOf),
    subject,
    messageId: messageId ?? `<${randomUUID()}@${domainOf(senderAddress)}>`,
    date: now,
    headers: new Map(headers),
    alternatives: [
      ...(plainText === undefined ? [] : [{ type: "text/plain", value: plainText }]),
      ...(html === undefined ? [] : [{ type: "text/html", value: html }]),
    ],
    attachments: message.attachments.map(fileOf),
    boundary: randomUUID(),
  };
}

function mailboxOf({ address, displayName }: EmailAddress): NamedMailbox {
  return { address, ...(displayName === undefined ? {} : { name: displayName }) };
}

function fileOf({ name, contentType, content, contentId }: EmailAttachment): AttachedFile {
  return {
    content,
    filename: name,
    type: contentType,
    inline: contentId !== undefined,
    ...(contentId === undefined ? {} : { contentId }),
  };
}
