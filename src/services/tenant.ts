import { fact, rule, sinceEver, steady } from "./rules.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `tenant.${name}`;

/** How the tenant external recipient rate limit is reckoned. */
export interface TerrlFormula {
  readonly factor: number;
  readonly exponent: number;
  readonly base: number;
}

/** For tenants that also have free education licences. */
export interface EducationFormula {
  readonly factor: number;
  readonly paidExponent: number;
  readonly freeExponent: number;
  readonly base: number;
}

/** Tenants that a limit has reached: trial ones always, the others by their size. */
export interface TenantReach {
  /** 0: trial tenants only; null: all. */
  readonly upToSeats: number | null;
}

const onmicrosoftSteps: readonly (readonly [upToSeats: number, from: string, validTo: string])[] = [
  [0, "2025-10-15", "2025-12-01"],
  [2, "2025-12-01", "2026-01-07"],
  [10, "2026-01-07", "2026-02-02"],
  [50, "2026-02-02", "2026-03-02"],
  [200, "2026-03-02", "2026-04-01"],
  [2000, "2026-04-01", "2026-05-04"],
  [10_000, "2026-05-04", "2026-06-01"],
];

/** What holds for a whole tenant, whatever the way a message leaves, and what its mailboxes take in. */
export const tenantFacts = {
  "external-recipients": fact<TerrlFormula>(id("external-recipients"), "External recipients in 24 hours for the tenant (TERRL)", [
    rule({ factor: 500, exponent: 0.7, base: 9500 }, "2025-05-01", sources.terrl, {
      announcedOn: "2025-02-24",
      note: "round(500 × licences^0.7 + 9500), licences purchased and not trial. ACS and HVE do not count. Not in force in government clouds: no date.",
    }),
  ]),
  "external-recipients-trial": fact<number>(id("external-recipients-trial"), "External recipients in 24 hours for a trial tenant", [
    rule(5000, "2025-02-24", sources.terrlFirst, { validTo: "2026-09-14" }),
    rule(500, "2026-09-14", sources.terrl, { announcedOn: "2026-08-13", note: "Reaches the tenants one after the other from that day." }),
  ]),
  "external-recipients-new": fact(id("external-recipients-new"), "Share of the limit for new tenants", [
    rule(
      [
        { youngerThanDays: 31, share: 0.1 },
        { youngerThanDays: 61, share: 0.25 },
      ],
      "2026-09-14",
      sources.terrl,
      { announcedOn: "2026-08-13" },
    ),
  ]),
  "external-recipients-education": fact<EducationFormula>(
    id("external-recipients-education"),
    "External recipients in 24 hours for a tenant with free education licences",
    [
      rule({ factor: 500, paidExponent: 0.7, freeExponent: 0.3, base: 9500 }, "2026-09-14", sources.terrl, {
        announcedOn: "2026-08-13",
        note: "500 × (paid^0.7 + free^0.3) + 9500. Reaches the tenants one after the other from that day.",
      }),
    ],
  ),
  "external-recipients-reach": fact<TenantReach>(id("external-recipients-reach"), "Tenants whose external recipients are limited", [
    rule({ upToSeats: 1 }, "2025-02-24", sources.terrlOrder, { validTo: "2025-04-03", note: "Before March 2025." }),
    rule({ upToSeats: 25 }, "2025-04-03", sources.terrlOrder, {
      announcedOn: "2025-02-24",
      validTo: "2025-04-10",
      note: '"April 3 to 10"; other sources give the 18th and 28th for the steps in the middle.',
    }),
    rule({ upToSeats: 200 }, "2025-04-10", sources.terrlOrder, { announcedOn: "2025-02-24", validTo: "2025-04-17" }),
    rule({ upToSeats: 500 }, "2025-04-17", sources.terrlOrder, { announcedOn: "2025-02-24", validTo: "2025-05-01" }),
    rule({ upToSeats: null }, "2025-05-01", sources.terrlOrder, {
      announcedOn: "2025-02-24",
      note: "Of the worldwide cloud. GCC, GCC High, DoD and 21Vianet: postponed, no date (2026-08-13); earlier plans named July 2025 to July 2026.",
    }),
  ]),
  "external-recipients-not-counted": steady(
    id("external-recipients-not-counted"),
    "What does not count as an external recipient",
    [
      "journaling by rule",
      "automatic replies",
      "delivery notifications and receipts",
      "ACS",
      "HVE",
      "notifications of Microsoft's applications",
    ],
    sources.terrl,
    { note: "Relayed mail, and mail between one's own tenants, does count. A sub-domain is external unless it is accepted." },
  ),
  "onmicrosoft-external-recipients": fact<number>(
    id("onmicrosoft-external-recipients"),
    "External recipients in 24 hours from all onmicrosoft.com senders of the tenant",
    [
      rule(100, "2025-10-15", sources.moera, {
        announcedOn: "2025-08-20",
        note: "Trial tenants first; complete on 2026-06-15. Null senders are exempt.",
      }),
    ],
  ),
  "onmicrosoft-reach": fact<TenantReach>(id("onmicrosoft-reach"), "Tenants whose onmicrosoft.com senders are limited", [
    ...onmicrosoftSteps.map(([upToSeats, from, validTo]) =>
      rule({ upToSeats }, from, sources.moeraSteps, { announcedOn: "2025-08-20", validTo }),
    ),
    rule({ upToSeats: null }, "2026-06-01", sources.moeraLast, {
      announcedOn: "2026-05-06",
      note: "Those above 10,000 seats from 1 to 15 June 2026.",
    }),
  ]),
  "external-forwarding": steady(id("external-forwarding"), "Automatic forwarding to the outside", "off for most tenants", sources.ndr, {
    note: "Refused with 550 5.7.520.",
  }),
  "mx-name": fact(id("mx-name"), "MX of a new accepted domain", [
    rule("*.mail.protection.outlook.com", sinceEver, sources.directSendNames, {
      note: "Dots become dashes; stays for good, without DNSSEC. Domains with DNSSEC have *.mx.microsoft. Look it up, never derive it.",
    }),
    rule("*.mx.microsoft", "2026-07-01", sources.mxNameFirst, {
      announcedOn: "2026-02-02",
      supersededOn: "2026-04-23",
      note: "Earlier dates were July, August and October 2025 and February 2026.",
    }),
  ]),
  "mx-name-change": fact(id("mx-name-change"), "New accepted domains get *.mx.microsoft by default", [
    rule("second half of 2026", "2026-12-31", sources.mxName, {
      announcedOn: "2026-04-23",
      status: "unverified",
      note: "No day is published; this is the last of the half-year. Nothing newer was found up to 2026-11-21.",
    }),
  ]),
  "dkim-target": fact(id("dkim-target"), "Target of the DKIM records of a new domain", [
    rule("selector1-DOMAIN._domainkey.TENANT.onmicrosoft.com", sinceEver, sources.dkimNames, { validTo: "2025-05-01" }),
    rule("selector1-DOMAIN._domainkey.TENANT.X-v1.dkim.mail.microsoft", "2025-05-01", sources.dkimNames, {
      announcedOn: "2025-04-14",
      note: "X is chosen by Microsoft: read it with Get-DkimSigningConfig.",
    }),
  ]),
  "received-per-hour": steady(id("received-per-hour"), "Messages an hour that one mailbox receives", 3600, sources.exchangeLimits),
  "received-per-hour-from-one": steady(
    id("received-per-hour-from-one"),
    "Messages an hour that one mailbox receives from one sender",
    1200,
    sources.exchangeLimits,
    { note: "33 % of the mailbox's limit." },
  ),
  "queue-lifetime-hours": steady(id("queue-lifetime-hours"), "How long Exchange Online tries", 24, sources.exchangeLimits, {
    unit: "hours",
  }),
  "hop-count": steady(id("hop-count"), "Hops before a loop is assumed", 20, sources.ndr, { status: "unverified" }),
} as const;

/** Whether a limit has reached a tenant of so many seats. */
export function isReached({ upToSeats }: TenantReach, seats: number, trial: boolean): boolean {
  return trial || upToSeats === null || seats <= upToSeats;
}

/** TERRL for so many licences: whole recipients. */
export function externalRecipientLimit({ factor, exponent, base }: TerrlFormula, licences: number): number {
  return Math.round(factor * licences ** exponent + base);
}

/** The same for a tenant with free education licences beside the paid ones. */
export function educationRecipientLimit(
  { factor, paidExponent, freeExponent, base }: EducationFormula,
  paid: number,
  free: number,
): number {
  return Math.round(factor * (paid ** paidExponent + free ** freeExponent) + base);
}
