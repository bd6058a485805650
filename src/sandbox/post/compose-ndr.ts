import { randomUUID } from "node:crypto";
import { encodeWords } from "../../wire/mime/encoded-words.ts";
import { formatDate } from "../../wire/smtp/date.ts";

export interface NdrFacts {
  /** The sender, whom it goes to. */
  readonly to: string;
  /** Domain of the system that says no. */
  readonly domain: string;
  /** Its name, in Reporting-MTA. */
  readonly hostname: string;
  readonly date: number;
  readonly arrivalDate: number;
  readonly subject: string;
  readonly messageId: string;
  readonly envid: string | null;
  readonly recipients: readonly NdrRecipient[];
  /** The beginning of the message; its header section is returned. */
  readonly head: Buffer;
}

export interface NdrRecipient {
  readonly address: string;
  readonly orcpt: string | null;
  readonly action: "failed" | "delivered" | "relayed";
  /** `550 5.1.10 …`; null when nothing went wrong. */
  readonly reason: string | null;
  readonly remoteMta: string | null;
}

/**
 * A notification in Microsoft's shape: from *Microsoft Outlook*, with the well-known local part; a multipart/report (RFC 3464) whose Diagnostic-Code
 * is what the service says. Written here and not with wire/dsn, so that the gateway, which reads bounces, is not judged by its own writer.
 */
export function composeNdr(facts: NdrFacts): Buffer {
  const failed = facts.recipients.some(({ action }) => action === "failed");
  const boundary = randomUUID();
  const title = `${failed ? "Undeliverable" : "Delivered"}: ${facts.subject.slice(0, 200)}`;
  const text = facts.recipients.map(({ address, action, reason }) =>
    action === "failed"
      ? `Your message to ${address} couldn't be delivered.\r\nRemote server returned '${reason ?? ""}'\r\n`
      : action === "relayed"
        ? `Delivery to ${address} is complete, but no delivery notification was sent by the destination server.\r\n`
        : `Your message to ${address} has been delivered.\r\n`,
  );
  const lines = [
    `From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@${facts.domain}>`,
    `To: <${clean(facts.to)}>`,
    `Date: ${formatDate(facts.date)}`,
    `Subject: ${encodeWords(title.replace(/[\x00-\x1f\x7f]/g, " "))}`,
    `Message-ID: <${randomUUID()}@${facts.domain}>`,
    ...(/^<[\x21-\x7e]{1,250}>$/.test(facts.messageId) ? [`In-Reply-To: ${facts.messageId}`, `References: ${facts.messageId}`] : []),
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="${boundary}"`,
    "X-MS-Exchange-Message-Is-Ndr:",
    "Auto-Submitted: auto-replied",
    "",
    `--${boundary}`,
    "Content-Type: text/plain; charset=us-ascii",
    "",
    text.map(clean8).join("\r\n"),
    `--${boundary}`,
    "Content-Type: message/delivery-status",
    "",
    `Reporting-MTA: dns;${facts.hostname}`,
    ...(facts.envid === null ? [] : [`Original-Envelope-Id: ${clean(facts.envid)}`]),
    `Arrival-Date: ${formatDate(facts.arrivalDate)}`,
    ...facts.recipients.flatMap(recipientFields),
    "",
    `--${boundary}`,
    "Content-Type: text/rfc822-headers",
    "",
    headerOf(facts.head),
    `--${boundary}--`,
    "",
  ];
  return Buffer.from(lines.join("\r\n"), "latin1");
}

function recipientFields({ address, orcpt, action, reason, remoteMta }: NdrRecipient): string[] {
  const status = /^\d{3} ([245]\.\d{1,3}\.\d{1,3})/.exec(reason ?? "")?.[1] ?? (action === "failed" ? "5.0.0" : "2.0.0");
  return [
    "",
    ...(orcpt === null ? [] : [`Original-Recipient: ${clean(orcpt)}`]),
    `Final-Recipient: rfc822;${clean(address)}`,
    `Action: ${action}`,
    `Status: ${status}`,
    ...(reason === null ? [] : [`Diagnostic-Code: smtp;${clean(reason)}`]),
    ...(remoteMta === null ? [] : [`Remote-MTA: dns;${clean(remoteMta)}`]),
  ];
}

/** Nothing that others chose may begin a line of its own. */
function clean(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}

function clean8(text: string): string {
  return text.replace(/[^\x20-\x7e\r\n]/g, "?");
}

function headerOf(head: Buffer): string {
  const end = head.indexOf("\r\n\r\n");
  return clean8(head.subarray(0, Math.min(end < 0 ? head.length : end + 2, 16_384)).toString("latin1")).replaceAll(/^--/gm, "- -");
}
