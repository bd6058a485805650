import type { House } from "../house.ts";
import { sendgridSmtp as service } from "../../services/sendgrid-smtp.ts";
import type { MakeRoom } from "../smtp/room.ts";
import { RoomTexts } from "../texts/room-texts.ts";
import type { UsageWindow } from "../usage/usage-window.ts";
import type { SendgridAccount } from "../tenant/tenant.ts";
import { accountName, dayMs, trialLimit } from "./sendgrid-account.ts";
import { SendgridSmtpSession } from "./sendgrid-smtp-session.ts";

/**
 * smtp.sendgrid.net: SendGrid by SMTP. The user is literally `apikey`, the password a key; PLAIN and LOGIN, with TLS or without. Senders must be
 * verified; a message has at most 1,000 recipients and 30 MB, a connection 5,000 messages; X-SMTPAPI may name the recipients instead of the
 * envelope, and categories.
 *
 * SG "Integrating with the SMTP API", errors page of 2026-07-02 (read 2026-11-21). Greeting and EHLO list are unverified.
 */
export const sendgridSmtp: MakeRoom = (house) => {
  const hostname = "smtp.sendgrid.net";
  const find = (account: string): SendgridAccount | undefined =>
    house.tenant.current.sendgrid.find((each) => accountName(each) === account);
  const shared: SendgridShared = {
    house,
    hostname,
    texts: new RoomTexts(house, hostname),
    credits: house.usage.window({
      service: "sendgrid-smtp",
      what: "credits",
      ms: Infinity,
      limit: (_now, account) => find(account)?.credits ?? null,
    }),
    trial: house.usage.window({
      service: "sendgrid-smtp",
      what: "trial-mails",
      ms: dayMs,
      limit: (now, account) => trialLimit(find(account), now),
    }),
  };
  const tooLarge = shared.texts.unverified("sendgrid-too-large");
  return {
    service: "sendgrid-smtp",
    port: "sendgridSmtp",
    environmentName: "SANDBOX_SENDGRID_SMTP",
    session: () => ({
      hostname,
      greeting: "SG ESMTP service ready",
      startTls: true,
      auth: ["PLAIN", "LOGIN"],
      authWithoutTls: true,
      authRequired: true,
      maxMessageSize: house.published.limit(service.profile.maxSize, house.clock.now()),
      maxRecipients: 5000,
      chunking: false,
      dsn: false,
      smtpUtf8: false,
      ehloKeywords: (keywords) => keywords.filter((keyword) => keyword !== "ENHANCEDSTATUSCODES"),
      replies: { ...sendgridReplies, tooLarge },
    }),
    open: () => new SendgridSmtpSession(shared),
  };
};

/** What all sessions share. */
export interface SendgridShared {
  readonly house: House;
  readonly hostname: string;
  readonly texts: RoomTexts;
  readonly credits: UsageWindow;
  /** Of accounts without a plan, in 24 hours. */
  readonly trial: UsageWindow;
}

/** Unverified texts, as commonly seen: SendGrid has no enhanced status codes. */
const sendgridReplies = {
  authOk: { code: 235, lines: ["Authentication successful"] },
  authRequired: { code: 550, lines: ["Unauthenticated senders not allowed"] },
  mailOk: { code: 250, lines: ["Sender address accepted"] },
  rcptOk: { code: 250, lines: ["Recipient address accepted"] },
  dataGo: { code: 354, lines: ["Continue"] },
  bye: { code: 221, lines: ["See you later"] },
  startTlsOk: { code: 220, lines: ["Begin TLS negotiation now"] },
} as const;
