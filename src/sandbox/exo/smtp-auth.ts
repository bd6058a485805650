import { createSecureContext } from "node:tls";
import { readFileSync } from "node:fs";
import type { House } from "../house.ts";
import type { MakeRoom } from "../smtp/room.ts";
import { smtpAuth as service } from "../../services/smtp-auth.ts";
import type { Pace } from "../usage/pace.ts";
import type { UsageSlots } from "../usage/usage-slots.ts";
import type { UsageWindow } from "../usage/usage-window.ts";
import type { Fact } from "../../services/fact.ts";
import { RoomTexts } from "../texts/room-texts.ts";
import { submissionSession } from "./client-submission.ts";
import { OutboundPolicies } from "./outbound-policy.ts";
import { SmtpAuthSession } from "./smtp-auth-session.ts";

/**
 * smtp.office365.com: client submission of a mailbox, by password (LOGIN) or by token (XOAUTH2).
 *
 * It promises the published refusals for each defect of a log-in, the switches of the tenant and of the mailbox, the Basic-authentication
 * timeline by the policy clock, SendAs rights, and the limits of a mailbox: 3 connections, 30 messages a minute (surplus is delayed: it is
 * said when the message goes on, nobody waits), 10,000 recipients in 24 hours. Where a refusal stands in the dialogue is often not published:
 * said where it is written.
 *
 * MS "Exchange Online limits", "Fix issues with printers, scanners, and LOB applications", support article on SMTP submission of 2025-06-12
 * (read 2026-11-21).
 */
export const smtpAuth: MakeRoom = (house) => {
  const hostname = "sandbox.outlook.office365.com";
  const limit = (fact: Fact<unknown> | undefined) => (now: number) => house.published.limit(fact, now);
  const perMinute = limit(service.facts["messages-per-minute"]);
  const window = (what: string, ms: number, most: (now: number) => number): UsageWindow =>
    house.usage.window({ service: "smtp-auth", what, ms, limit: most });
  const shared: SmtpAuthShared = {
    house,
    hostname,
    texts: new RoomTexts(house, hostname),
    connections: house.usage.slots("smtp-auth", "connections", limit(service.profile.maxConnections)),
    outbound: new OutboundPolicies(house.usage, house.tenant),
    externalRecipients: window("external-recipients", day, limit(service.facts["external-recipients-per-day"])),
    recipients: window("recipients", day, limit(service.facts["recipients-per-day"])),
    messages: window("messages", minute, perMinute),
    sendAsDenied: window("send-as-denied", hour, () => sendAsDeniedLimit),
    pace: house.usage.pace(perMinute, minute),
  };
  const tooLarge = shared.texts.unverified("smtp-auth-too-large");
  return {
    service: "smtp-auth",
    port: "smtpAuth",
    environmentName: "SANDBOX_SMTP_AUTH",
    tls: legacyContext(house),
    session: (client) => submissionSession(house, client, { hostname, size: 157_286_400, tooLarge }),
    open: (client) => new SmtpAuthSession(shared, client),
  };
};

/** What all sessions share. */
export interface SmtpAuthShared {
  readonly house: House;
  readonly hostname: string;
  readonly texts: RoomTexts;
  readonly connections: UsageSlots;
  readonly recipients: UsageWindow;
  /** Not limited: the limit that was announced was called off (MERRL). */
  readonly externalRecipients: UsageWindow;
  readonly outbound: OutboundPolicies;
  readonly messages: UsageWindow;
  readonly sendAsDenied: UsageWindow;
  readonly pace: Pace;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** How many refusals make a repeated offender is not published. */
const sendAsDeniedLimit = 10;

/** TLS 1.0 and 1.1 are shaken hands with, so that they can be refused in words. */
function legacyContext({ options }: House): ReturnType<typeof createSecureContext> {
  return createSecureContext({
    cert: readFileSync(options.tls.certificateFile),
    key: readFileSync(options.tls.keyFile),
    minVersion: "TLSv1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
}
