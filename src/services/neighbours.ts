import { fact, rule, sinceEver, steady } from "./rules.ts";
import { sources } from "./sources.ts";

const id = (name: string) => `neighbours.${name}`;

/** Dates of products beside the ways of sending, that send or are reached by the same applications. */
export const neighbourFacts = {
  ews: fact(id("ews"), "Exchange Web Services of Exchange Online", [
    rule("available", sinceEver, sources.ews, { validTo: "2026-10-01" }),
    rule("off", "2026-10-01", sources.zeroTolerance, {
      announcedOn: "2025-07-01",
      supersededOn: "2026-02-05",
      status: "field",
      note: "As a deck of 2025 tells it; the day of its announcement is not in it.",
    }),
    rule("switched off tenant by tenant", "2026-10-01", sources.ewsFirst, {
      announcedOn: "2026-02-05",
      validTo: "2027-04-01",
      note: "EWSEnabled goes from null to false; true needs EWSAllowedAppIDs, and an empty list blocks all.",
    }),
    rule("off for good", "2027-04-01", sources.ews, { announcedOn: "2026-02-05" }),
  ]),
  "graph-sensitive-properties": fact(id("graph-sensitive-properties"), "Changing subject, body or recipients of sent messages by Graph", [
    rule("needs Mail-Advanced.ReadWrite", "2026-12-31", sources.graphSensitive, {
      announcedOn: "2026-03-01",
      note: "Drafts stay under Mail.ReadWrite.",
    }),
  ]),
  "pop-imap-tls": fact(id("pop-imap-tls"), "TLS 1.0 and 1.1 for POP and IMAP", [
    rule("blocked", "2026-07-01", sources.legacyTls, {
      announcedOn: "2026-04-01",
      note: '"July 2026". SMTP AUTH is not meant: no date was published for it.',
    }),
  ]),
  "inbound-dane": fact(id("inbound-dane"), "DANE for mail to Exchange Online", [
    rule("opt-in", "2024-10-01", sources.dane, { note: "Enable-DnssecForVerifiedDomain, the new MX, then Enable-SmtpDaneInbound." }),
  ]),
  "connector-modes": fact(id("connector-modes"), "MtaStsMode and SmtpDaneMode on outbound connectors", [
    rule("can be set", "2026-02-28", sources.connectorModes, { note: '"Late February 2026".' }),
  ]),
  "mta-sts-outbound": steady(
    id("mta-sts-outbound"),
    "Mail from Exchange Online where a destination's MTA-STS policy fails",
    24,
    sources.dane,
    {
      unit: "hours",
      note: "It is queued so long, then dropped: a deferred mail is not lost.",
    },
  ),
  "application-access-policies": steady(
    id("application-access-policies"),
    "Application Access Policies",
    "legacy: none should be made any more",
    sources.appPolicies,
    { note: "RBAC for Applications takes their place; no date of removal." },
  ),
} as const;
