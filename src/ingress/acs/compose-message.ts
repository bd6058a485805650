import MailComposer from "nodemailer/lib/mail-composer";
import type { EmailAddress, EmailAttachment, EmailMessage } from "../../wire/acs/email-message.ts";

/**
 * The message of a request as bytes, each line ending with CR LF. Everything in it has been checked (wire/acs): the composer gets single
 * addresses as values, never as text to be parsed, and nothing is fetched. Blind copies are in the envelope only (RFC 5322 §3.6.3).
 */
export async function composeMessage(message: EmailMessage, messageId: string | undefined): Promise<Buffer> {
  const { senderAddress, subject, plainText, html, headers } = message;
  const composer = new MailComposer({
    from: { name: "", address: senderAddress },
    ...addressList("to", message.to),
    ...addressList("cc", message.cc),
    ...addressList("replyTo", message.replyTo),
    subject,
    ...(plainText === undefined ? {} : { text: withLineEnds(plainText) }),
    ...(html === undefined ? {} : { html: withLineEnds(html) }),
    attachments: message.attachments.map(attachmentOf),
    headers: headers.map(([key, value]) => ({ key, value })),
    ...(messageId === undefined ? {} : { messageId }),
    newline: "windows",
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return await composer.compile().build();
}

/** RFC 5322 §2.3: CR and LF only together; a text from JSON has them as its author's system has. */
function withLineEnds(text: string): string {
  return text.replace(/\r\n?|\n/g, "\r\n");
}

function addressList(field: "to" | "cc" | "replyTo", addresses: readonly EmailAddress[]) {
  if (addresses.length === 0) return {};
  return { [field]: addresses.map(({ address, displayName }) => ({ name: displayName ?? "", address })) };
}

function attachmentOf({ name, contentType, content, contentId }: EmailAttachment) {
  return {
    filename: name,
    // RFC 2046 §5.2.1: message/… must not be encoded, and what is in it need not be fit to go without; as a file it goes unharmed.
    contentType: /^(?:message|multipart)\//i.test(contentType) ? "application/octet-stream" : contentType,
    content,
    contentTransferEncoding: "base64" as const,
    ...(contentId === undefined ? {} : { cid: contentId, contentDisposition: "inline" as const }),
  };
}
