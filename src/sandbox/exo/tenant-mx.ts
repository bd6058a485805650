import { formatDate } from "../../wire/mime/date.ts";
import type { House } from "../house.ts";
import type { SmtpRoom } from "../smtp/room.ts";
import { mxHostOf } from "../world/hosts.ts";
import { exchangeKeywords, exchangeReplies } from "./exchange-replies.ts";
import { TenantMxSession } from "./tenant-mx-session.ts";

/**
 * The tenant's MX (`contoso-com.mail.protection.outlook.com` and its kind): takes mail for the accepted domains from anybody.
 *
 * Whose mail it is, and with it who may relay, decides mailflow/attribution.ts from the tenant's connectors; who may send directly, the tenant's
 * RejectDirectSend. Texts marked *unverified* are as commonly seen, without a published source; the others are from Microsoft's pages.
 */
export function tenantMx(house: House): SmtpRoom {
  const hostname = mxHostOf(house.tenant.current.domains[0]?.name ?? "tenant.example");
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
    open: (client) => new TenantMxSession(house, client, hostname),
  };
}

/** 150 MB: what the service names in EHLO. */
const maxMessageSize = 157_286_400;
