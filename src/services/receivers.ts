import type { Fact } from "./fact.ts";
import { fact, rule, steady } from "./rules.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `receivers.${name}`;

function countries(name: string, ends: readonly string[]): readonly string[] {
  return ends.map((end) => `${name}.${end}`);
}

/** What large receivers demand of whoever sends them much, and what they say. */
export const receiverFacts = {
  "outlook-bulk": fact(id("outlook-bulk"), "Mails a day from one From domain that make it a bulk sender at Outlook.com", [
    rule(5000, "2025-05-05", sources.outlookBulk, {
      announcedOn: "2025-04-02",
      note: "To all its consumer domains together; the status stays once it is reached.",
    }),
  ]),
  "outlook-domains": steady<readonly string[]>(
    id("outlook-domains"),
    "Consumer domains of Outlook.com",
    [
      ...["outlook.com", "hotmail.com", "live.com", "msn.com", "passport.com", "windowslive.com"],
      ...countries("outlook", [
        "at",
        "be",
        "cl",
        "co.id",
        "co.il",
        "co.th",
        "com.ar",
        "com.au",
        "com.br",
        "com.gr",
        "com.pe",
        "com.tr",
        "com.vn",
      ]),
      ...countries("outlook", ["cz", "de", "dk", "es", "fr", "hu", "ie", "in", "it", "jp", "kr", "lv", "my", "ph", "pt", "sa", "sg", "sk"]),
      ...countries("hotmail", [
        "at",
        "be",
        "ca",
        "ch",
        "cl",
        "co.id",
        "co.il",
        "co.jp",
        "co.th",
        "co.uk",
        "co.za",
        "com.ar",
        "com.au",
        "com.br",
      ]),
      ...countries("hotmail", ["com.tr", "cz", "de", "dk", "es", "fi", "fr", "gr", "hu", "it", "nl", "no", "se", "sg"]),
      ...countries("live", [
        "at",
        "be",
        "ca",
        "ch",
        "cl",
        "cn",
        "co.uk",
        "co.za",
        "com.ar",
        "com.au",
        "com.mx",
        "com.pt",
        "com.sg",
        "de",
        "dk",
      ]),
      ...countries("live", ["fi", "fr", "hk", "ie", "in", "it", "jp", "nl", "no", "ru", "se"]),
    ],
    sources.outlookBulk,
    {
      status: "unverified",
      note: "The post names outlook.com, hotmail.com and live.com; the others are collected, and there may be more.",
    },
  ),
  "gmail-bulk": fact(id("gmail-bulk"), "Mails a day from one From domain that make it a bulk sender at Gmail", [
    rule(5000, "2024-02-01", sources.gmailBulk, { note: "About; to personal accounts. It stays for good." }),
  ]),
  "gmail-domains": steady<readonly string[]>(
    id("gmail-domains"),
    "Domains of personal Gmail",
    ["gmail.com", "googlemail.com"],
    sources.gmailBulk,
  ),
  "yahoo-bulk": fact(id("yahoo-bulk"), "Mails a day from one From domain that make it a bulk sender at Yahoo and AOL", [
    rule(5000, "2024-02-01", sources.yahooBulk, {
      status: "unverified",
      note: "Yahoo names no number, and what others tell is disputed; this is that of Gmail and Outlook.com.",
    }),
  ]),
  "yahoo-domains": steady<readonly string[]>(
    id("yahoo-domains"),
    "Consumer domains of Yahoo and AOL",
    [
      ...["yahoo.com", "ymail.com", "rocketmail.com", "myyahoo.com", "aol.com", "aim.com", "netscape.net", "verizon.net"],
      ...countries("yahoo", [
        "ca",
        "co.id",
        "co.in",
        "co.uk",
        "com.ar",
        "com.au",
        "com.br",
        "com.hk",
        "com.mx",
        "com.ph",
        "com.sg",
        "com.tr",
      ]),
      ...countries("yahoo", ["com.tw", "com.vn", "de", "dk", "es", "fr", "gr", "ie", "in", "it", "no", "pl", "ro", "se"]),
      ...countries("aol", ["co.uk", "de", "fr", "it"]),
    ],
    sources.yahooBulk,
    { status: "unverified", note: "Collected: Yahoo publishes no list. Yahoo Japan is another company." },
  ),
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

/** Consumer providers that hold a From domain to more once it sends them so much in a day. */
export const consumerProviders: readonly ConsumerProvider[] = [
  { name: "Outlook.com", bulk: receiverFacts["outlook-bulk"], domains: receiverFacts["outlook-domains"] },
  { name: "Gmail", bulk: receiverFacts["gmail-bulk"], domains: receiverFacts["gmail-domains"] },
  { name: "Yahoo and AOL", bulk: receiverFacts["yahoo-bulk"], domains: receiverFacts["yahoo-domains"] },
];

export interface ConsumerProvider {
  readonly name: string;
  /** Recipients in 24 hours from one From domain. */
  readonly bulk: Fact<number>;
  readonly domains: Fact<readonly string[]>;
}
