import { domainOf } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import { formatDate } from "../../wire/mime/date.ts";
import type { House } from "../house.ts";
import { keepMessage } from "../smtp/keep-message.ts";
import type { SmtpRoom } from "../smtp/room.ts";
import { isAcceptedDomain, isRecipient } from "../tenant/directory.ts";
import { mxHostOf } from "../world/hosts.ts";

/**
 * The tenant's MX (`contoso-com.mail.protection.outlook.com` and its kind): takes mail for the accepted domains from anybody.
 *
 * Every address there is a mailbox while the tenant takes all (`catchAll`). Connectors, attribution, verdicts and receiving limits come later; until
 * then nobody may relay. Texts marked *unverified* are as commonly seen, without a published source; the others are from Microsoft's pages.
 */
export function tenantMx(house: House): SmtpRoom {
  const hostname = mxHostOf(house.tenant.current.domains[0]?.name ?? "tenant.example");
  // Where Microsoft puts `[host date id]` behind a reply; the id is its own, so ours is left out.
  const stamp = (): string => `[${hostname} ${new Date(house.clock.now()).toISOString()}]`;
  return {
    service: "tenant-mx",
    port: "mx",
    environmentName: "SANDBOX_MX",
    wantsCertificate: true,
    session: (client) => ({
      hostname,
      greeting: `Microsoft ESMTP MAIL Service ready at ${formatDate(house.clock.now())}`,
      helloText: () => `Hello [${client.address}]`,
      startTls: true,
      maxMessageSize,
      maxRecipients: 5000,
      ehloKeywords: exchangeKeywords,
      replies: exchangeReplies,
    }),
    open: () => ({
      rcpt({ address }, before): Reply | null {
        const domain = domainOf(address);
        // RFC 5321 §4.5.1: postmaster without a domain is always taken.
        if (domain === "" && address.toLowerCase() === "postmaster") return null;
        const tenant = house.tenant.current;
        if (!isAcceptedDomain(tenant, domain))
          return { code: 550, lines: [`5.7.64 TenantAttribution; Relay Access Denied SMTP ${stamp()}`] };
        if (before.length >= maxRecipientsOfDomain && before.filter((taken) => domainOf(taken) === domain).length >= maxRecipientsOfDomain)
          return tooManyRecipients;
        // Directory-based edge blocking.
        if (!isRecipient(tenant, address)) return { code: 550, lines: [`5.4.1 Recipient address rejected: Access denied. [${hostname}]`] };
        return null;
      },
      async take(message) {
        const kept = await keepMessage(house, "tenant-mx", message);
        const { id, messageId, size } = kept;
        // Unverified text. InternalId is the sandbox's own id of the message.
        const shown = shownMessageId(messageId, id, hostname);
        const lines = [`2.6.0 ${shown} [InternalId=${id}, Hostname=${hostname}] ${size} bytes Queued mail for delivery`];
        return { id, reply: { code: 250, lines } };
      },
    }),
  };
}

/** 150 MB: what the service names in EHLO. */
const maxMessageSize = 157_286_400;
/** More recipients of one domain in one envelope from outside are put off. */
const maxRecipientsOfDomain = 200;
const tooManyRecipients: Reply = { code: 452, lines: ["4.5.3 Too many recipients"] };

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
