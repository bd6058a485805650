import { fact, rule, steady } from "./rules.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `tenant.${name}`;

/** How the tenant external recipient rate limit is reckoned. */
export interface TerrlFormula {
  readonly factor: number;
  readonly exponent: number;
  readonly base: number;
}

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
  "external-recipients-education": fact(id("external-recipients-education"), "Tenants with free education licences", [
    rule("500 × (paid^0.7 + free^0.3) + 9500", "2026-09-14", sources.terrl, { announcedOn: "2026-08-13" }),
  ]),
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
  "ews-end": fact(id("ews-end"), "Exchange Web Services end", [
    rule("off for good", "2027-04-01", sources.ews, { announcedOn: "2026-02-05", note: "Switched off tenant by tenant from 2026-10-01." }),
  ]),
} as const;

/** TERRL for so many licences: whole recipients. */
export function externalRecipientLimit({ factor, exponent, base }: TerrlFormula, licences: number): number {
  return Math.round(factor * licences ** exponent + base);
}
