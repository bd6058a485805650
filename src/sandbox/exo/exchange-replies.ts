import type { Reply } from "../../mail/reply.ts";

/**
 * The order Exchange Online uses (order unverified). It also offers BINARYMIME, which is left out here: a client that used it would be refused,
 * which is worse than one that never learns of it.
 */
const exchangeOrder = ["SIZE", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "AUTH", "8BITMIME", "CHUNKING", "SMTPUTF8"];

export function exchangeKeywords(keywords: readonly string[]): readonly string[] {
  const place = (keyword: string): number => {
    const index = exchangeOrder.indexOf(keyword.split(" ", 1)[0] ?? "");
    return index < 0 ? exchangeOrder.length : index;
  };
  return keywords.toSorted((a, b) => place(a) - place(b));
}

/** Unverified texts, as commonly seen. */
export const exchangeReplies = {
  mailOk: { code: 250, lines: ["2.1.0 Sender OK"] },
  rcptOk: { code: 250, lines: ["2.1.5 Recipient OK"] },
  dataGo: { code: 354, lines: ["Start mail input; end with <CRLF>.<CRLF>"] },
  resetOk: { code: 250, lines: ["2.0.0 Resetting"] },
  bye: { code: 221, lines: ["2.0.0 Service closing transmission channel"] },
  startTlsOk: { code: 220, lines: ["2.0.0 SMTP server ready"] },
  noopOk: { code: 250, lines: ["2.0.0 OK"] },
} as const satisfies Record<string, Reply>;

/** The sender's Message-ID where it is fit for a reply. */
export function shownMessageId(messageId: string, id: string, hostname: string): string {
  return /^<[\x21-\x7e]{1,250}>$/.test(messageId) ? messageId : `<${id}@${hostname}>`;
}
