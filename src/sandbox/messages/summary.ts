import { decodeEncodedWords } from "../../wire/mime/encoded-words.ts";

/** What the listing shows of a message's own header section. */
export interface Summary {
  /** Decoded and unfolded; empty when there is none. */
  readonly subject: string;
  /** With angle brackets; empty when there is none. */
  readonly messageId: string;
}

/** As much of a message as is looked at. */
export const summaryBytes = 64 * 1024;
const maxSubject = 998;

/** @param head the beginning of a message, at least its header section or `summaryBytes`. Never throws. */
export function summarise(head: Buffer): Summary {
  const end = head.indexOf("\r\n\r\n");
  // A folded field goes on after CRLF and white space (RFC 5322 §2.2.3).
  const header = decodeHeader(head.subarray(0, end < 0 ? head.length : end)).replace(/\r\n(?=[ \t])/g, "");
  return {
    subject: decodeEncodedWords(field(header, "subject").slice(0, maxSubject)),
    messageId: field(header, "message-id").slice(0, maxSubject),
  };
}

/** RFC 6532: UTF-8; what is not UTF-8 is read as Latin-1, as old devices mean it. */
function decodeHeader(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return text.includes("\ufffd") ? bytes.toString("latin1") : text;
}

function field(header: string, name: string): string {
  for (const line of header.split("\r\n")) {
    if (line.length > name.length && line[name.length] === ":" && line.slice(0, name.length).toLowerCase() === name)
      return line.slice(name.length + 1).trim();
  }
  return "";
}
