import type { House } from "../house.ts";
import { acsSmtp as service } from "../../services/acs-smtp.ts";
import type { Fact } from "../../services/fact.ts";
import { submissionSession } from "../exo/client-submission.ts";
import type { MakeRoom } from "../smtp/room.ts";
import { RoomTexts } from "../texts/room-texts.ts";
import type { UsageSlots } from "../usage/usage-slots.ts";
import type { UsageWindow } from "../usage/usage-window.ts";
import { AcsSmtpSession } from "./acs-smtp-session.ts";

/**
 * smtp.azurecomm.net: e-mail of Azure Communication Services by SMTP.
 *
 * Log-in is an application of Entra, as `resource.application.tenant` (or with `|`) or by an SMTP user name, with its secret (LOGIN) or a
 * token (XOAUTH2); secret and role are looked at in each log-in. Senders are the configured ones of linked, verified domains. The quota is the
 * subscription's, whatever resource is used, and refused messages count too. Ends with 30 September 2028.
 *
 * MS azure-docs "Service limits", "SMTP authentication", retirement guide of 2026-08-18 (read 2026-11-21).
 */
export const acsSmtp: MakeRoom = (house) => {
  const hostname = "smtp.azurecomm.net";
  const limit = (fact: Fact<unknown> | undefined) => (now: number) => house.published.limit(fact, now);
  const quota = (what: string, ms: number, fact: string): UsageWindow =>
    house.usage.window({ service: "acs-smtp", what, ms, limit: limit(service.facts[fact]) });
  const managed = "messages-of-managed-domain";
  const shared: AcsSmtpShared = {
    house,
    hostname,
    texts: new RoomTexts(house, hostname),
    connections: house.usage.slots("acs-smtp", "connections", limit(service.profile.maxConnections)),
    custom: [quota("messages", minute, "messages-per-minute"), quota("messages", hour, "messages-per-hour")],
    managed: [quota(managed, minute, "managed-messages-per-minute"), quota(managed, hour, "managed-messages-per-hour")],
  };
  const tooLarge = shared.texts.unverified("acs-too-large");
  return {
    service: "acs-smtp",
    port: "acsSmtp",
    environmentName: "SANDBOX_ACS_SMTP",
    session: (client) => submissionSession(house, client, { hostname, size: limit(service.profile.maxSize)(house.clock.now()), tooLarge }),
    open: () => new AcsSmtpSession(shared),
  };
};

/** What all sessions share. */
export interface AcsSmtpShared {
  readonly house: House;
  readonly hostname: string;
  readonly texts: RoomTexts;
  readonly connections: UsageSlots;
  readonly custom: readonly UsageWindow[];
  readonly managed: readonly UsageWindow[];
}

const minute = 60_000;
const hour = 60 * minute;
