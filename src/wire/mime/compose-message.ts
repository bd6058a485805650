import MailComposer from "nodemailer/lib/mail-composer";

/** One mailbox: `address` is `local@domain`, ASCII, without quoting; `name` any text without control characters. */
export interface NamedMailbox {
  readonly address: string;
  readonly name?: string;
}

/**
 * A message as the APIs of sending services describe it. Whoever makes one has checked it: each address is one mailbox, and no text that goes
 * into a header field has control characters.
 */
export interface MessageParts {
  readonly from: NamedMailbox;
  readonly to: readonly NamedMailbox[];
  readonly cc: readonly NamedMailbox[];
  readonly replyTo: readonly NamedMailbox[];
  readonly subject: string;
  /** With angle brackets. It and `date` give way to fields of that name in `headers`. */
  readonly messageId: string;
  /** Policy-clock ms. */
  readonly date: number;
  /** Further fields. Those of addressees and subject are not used. */
  readonly headers: ReadonlyMap<string, string>;
  /** In the order in which a reader shall prefer the later: text/plain, text/html, … */
  readonly alternatives: readonly { readonly type: string; readonly value: string }[];
  readonly attachments: readonly AttachedFile[];
  /** Random, and in no part: what delimiters are made of. */
  readonly boundary: string;
}

export interface AttachedFile {
  readonly content: Buffer;
  readonly filename: string;
  /** `image/png`; absent: by the name's ending. */
  readonly type?: string;
  readonly inline: boolean;
  /** Without angle brackets. Of an inline file it makes a part that HTML can show (`cid:`). */
  readonly contentId?: string;
}

/**
 * The message as bytes, lines ended by CR LF, 7-bit throughout. Bcc never shows. Nothing is fetched and no file is read, whatever the parts say.
 */
export async function composeMessage(parts: MessageParts): Promise<Buffer> {
  const { from, to, cc, replyTo, subject, messageId, date, headers, alternatives, attachments, boundary } = parts;
  const given = new Set([...headers.keys()].map((name) => name.toLowerCase()));
  const composer = new MailComposer({
    from: mailbox(from),
    to: to.map(mailbox),
    cc: cc.map(mailbox),
    replyTo: replyTo.map(mailbox),
    subject,
    ...(given.has("message-id") ? {} : { messageId }),
    ...(given.has("date") ? {} : { date: new Date(date) }),
    headers: [...headers].map(([key, value]) => ({ key, value })),
    alternatives: alternatives.map(({ type, value }) => ({ contentType: `${type}; charset=utf-8`, content: withLineEnds(value) })),
    attachments: attachments.map(attachment),
    baseBoundary: boundary,
    newline: "\r\n",
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

/** RFC 5322 §2.3: CR and LF only together; a text from JSON has them as its author's system has. */
function withLineEnds(text: string): string {
  return text.replace(/\r\n?|\n/g, "\r\n");
}

/** The composer writes into what it gets. */
function mailbox({ address, name }: NamedMailbox): { address: string; name: string } {
  return { address, name: name ?? "" };
}

function attachment({ content, filename, type, inline, contentId }: AttachedFile) {
  const asMessage = type !== undefined && /^message\//i.test(type) && isSevenBit(content);
  const odd = type !== undefined && !asMessage && /^(?:message|multipart)\//i.test(type);
  return {
    content,
    filename,
    ...(type === undefined ? {} : { contentType: odd ? "application/octet-stream" : type }),
    contentDisposition: inline ? "inline" : "attachment",
    ...(inline && contentId !== undefined ? { cid: contentId } : {}),
    // RFC 2046 §5.2.1: a message is attached as it is. Other files have no line that is too long, and no byte that a next hop does not take.
    contentTransferEncoding: asMessage ? "7bit" : "base64",
  };
}

/** RFC 2045 §2.7: lines of at most 998 octets, none of them NUL or beyond 127, no CR alone. */
function isSevenBit(content: Buffer): boolean {
  let length = 0;
  for (let at = 0; at < content.length; at++) {
    const byte = content[at] as number;
    if (byte === 0 || byte > 127 || (byte === 13 && content[at + 1] !== 10)) return false;
    length = byte === 10 ? 0 : length + 1;
    if (length > 999) return false;
  }
  return true;
}
