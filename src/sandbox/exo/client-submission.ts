import { canonicalAddress } from "../../mail/address.ts";
import { formatDate } from "../../wire/mime/date.ts";
import { scanHeader } from "../../wire/mime/header-scan.ts";
import type { SessionOptions } from "../../wire/smtp/server/session-options.ts";
import type { Reply } from "../../mail/reply.ts";
import type { House } from "../house.ts";
import type { SandboxMessage } from "../messages/message.ts";
import type { MessageWriter } from "../messages/message-writer.ts";
import { exchangeKeywords, exchangeReplies, shownMessageId } from "./exchange-replies.ts";
import type { RoomClient } from "../smtp/room.ts";

/** What Microsoft's three submission services have in common in the dialogue: greeting, EHLO, refusals before the log-in. */
export interface Submission {
  readonly hostname: string;
  /** As EHLO says it. */
  readonly size: number;
  readonly tooLarge: Reply;
}

/** How a session of client submission speaks. LOGIN and XOAUTH2 only: Microsoft's services have no PLAIN. */
export function submissionSession(house: House, client: RoomClient, { hostname, size, tooLarge }: Submission): SessionOptions {
  return {
    hostname,
    greeting: `Microsoft ESMTP MAIL Service ready at ${formatDate(house.clock.now())}`,
    helloText: () => `Hello [${client.address}]`,
    startTls: true,
    tlsRequired: true,
    auth: ["LOGIN", "XOAUTH2"],
    authRequired: true,
    // MS "Authenticate an IMAP, POP or SMTP connection using OAuth": 535 at once, no challenge with JSON (unverified for HVE and ACS).
    xoauth2Challenge: null,
    maxMessageSize: size,
    // Rooms have bounds of their own, with their own replies, below this.
    maxRecipients: 5000,
    ehloKeywords: exchangeKeywords,
    replies: { ...exchangeReplies, ...submissionReplies, tooLarge },
  };
}

const submissionReplies = {
  authOk: { code: 235, lines: ["2.7.0 Authentication successful"] },
  authUnknown: { code: 504, lines: ["5.7.4 Unrecognized authentication type"] },
  // Unverified for AUTH without TLS: no mechanism is offered there, so none is recognised.
  authNeedsTls: { code: 504, lines: ["5.7.4 Unrecognized authentication type"] },
  authRequired: { code: 530, lines: ["5.7.57 Client not authenticated to send mail"] },
  tlsRequired: { code: 530, lines: ["5.7.57 Client not authenticated to send mail"] },
} as const satisfies Record<string, Reply>;

/** Every mailbox in From, canonical. */
export function authorsOf(content: MessageWriter): readonly string[] {
  return scanHeader(content.head(), true).authors.map(canonicalAddress);
}

/** Unverified text. InternalId is the sandbox's own id of the message. */
export function queuedReply({ id, messageId, size }: SandboxMessage, hostname: string): Reply {
  const shown = shownMessageId(messageId, id, hostname);
  return { code: 250, lines: [`2.0.0 OK ${shown} [InternalId=${id}, Hostname=${hostname}] ${size} bytes Queued mail for delivery`] };
}
