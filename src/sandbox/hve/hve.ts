import type { House } from "../house.ts";
import { hve as service } from "../../services/hve.ts";
import { submissionSession } from "../exo/client-submission.ts";
import type { MakeRoom } from "../smtp/room.ts";
import { RoomTexts } from "../texts/room-texts.ts";
import type { UsageWindow } from "../usage/usage-window.ts";
import { HveSession } from "./hve-session.ts";
import { malformedToken } from "./malformed-token.ts";

/**
 * High Volume Email: smtp.hve.mx.microsoft, which the older name smtp-hve.office365.com leads to as well.
 *
 * An HVE account logs in by password or by token; MAIL FROM and From must be that account; recipients are the tenant's own, at most 50 in a
 * message of at most 10 MB; nothing is limited since May 2025 (100,000 recipients a day before). Until June 2025 2,000 recipients a day outside were taken. The tenant's SMTP
 * AUTH switch does not matter here, security defaults do, for passwords.
 * Most texts are known by their code alone: unverified-replies.ts has them.
 *
 * MS "Manage High Volume Email", "Troubleshoot HVE" (2026-04-07), blogs 4411197 and 4505302 (read 2026-11-21).
 */
export const hve: MakeRoom = (house) => {
  const hostname = "smtp.hve.mx.microsoft";
  const recipients = house.usage.window({
    service: "hve",
    what: "recipients",
    ms: dayMs,
    limit: (now) => house.published.limit(service.facts["recipients-per-day"], now),
  });
  const external = house.usage.window({
    service: "hve",
    what: "external-recipients",
    ms: dayMs,
    limit: (now) => house.published.limit(service.facts["external-recipients-per-day"], now),
  });
  const shared: HveShared = { house, hostname, texts: new RoomTexts(house, hostname), recipients, external };
  const tooLarge = shared.texts.unverified("hve-too-large");
  return {
    service: "hve",
    port: "hve",
    environmentName: "SANDBOX_HVE",
    session: (client) => ({
      // The EHLO list is unverified.
      ...submissionSession(house, client, { hostname, size: house.published.limit(service.profile.maxSize, house.clock.now()), tooLarge }),
      xoauth2Malformed: (response) => shared.texts.unverified(malformedToken(response)),
    }),
    open: () => new HveSession(shared),
  };
};

/** What all sessions share. */
export interface HveShared {
  readonly house: House;
  readonly hostname: string;
  readonly texts: RoomTexts;
  /** Of the tenant. */
  readonly recipients: UsageWindow;
  /** Of the tenant: those outside, while they were taken. */
  readonly external: UsageWindow;
}

const dayMs = 86_400_000;
