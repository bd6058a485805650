import { fact, rule, steady } from "./rules.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `receivers.${name}`;

/** What large receivers demand of whoever sends them much, and what they say. */
export const receiverFacts = {
  "outlook-demands": fact(id("outlook-demands"), "Outlook.com, from bulk senders", [
    rule("junk first, then refused", "2025-05-05", sources.zeroTolerance, {
      announcedOn: "2025-04-02",
      supersededOn: "2025-05-05",
      status: "field",
      note: "As a deck of 2025 tells it, with alignment of Reply-To, which the post only recommends.",
    }),
    rule("SPF and DKIM both pass, DMARC at least p=none and aligned; else refused with 550 5.7.515", "2025-05-05", sources.outlookBulk, {
      announcedOn: "2025-05-05",
      note: "Announced on 2025-04-02; refused from the first day. Mailboxes of organisations are not meant.",
    }),
  ]),
  "gmail-demands": fact(id("gmail-demands"), "Gmail, from bulk senders", [
    rule("SPF and DKIM, DMARC aligned, one-click unsubscribe for marketing", "2024-02-01", sources.gmailBulk, {
      validTo: "2025-11-01",
      note: '"February 2024".',
    }),
    rule("the same, refused for good more and more often", "2025-11-01", sources.gmailBulk),
  ]),
  "yahoo-demands": fact(id("yahoo-demands"), "Yahoo and AOL, from bulk senders", [
    rule("SPF and DKIM, DMARC aligned, one-click unsubscribe honoured within 2 days", "2024-02-01", sources.yahooBulk, {
      note: "From how many mails a day on is disputed.",
    }),
  ]),
  "spam-rate": steady(id("spam-rate"), "Complaints that Gmail tolerates", "below 0.1 %, never 0.3 %", sources.gmailBulk),
  "unsubscribe-days": steady(id("unsubscribe-days"), "Days within which an unsubscription is honoured", 2, sources.yahooBulk, {
    unit: "days",
  }),
} as const;
