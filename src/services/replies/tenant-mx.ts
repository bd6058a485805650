import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { exchangeOnlineReplies } from "./exchange-online.ts";
import { known } from "./known.ts";

/** What the tenant's MX says about who we are. A connector that does not fit any more delays its mail; it never bounces the backlog. */
export const tenantMxReplies: readonly KnownReply[] = [
  known("550 5.7.64 TenantAttribution; Relay Access Denied SMTP [host date id]", "relay.denied", sources.attribution, {
    codes: [5],
    permanent: false,
    advice:
      "The connector must know our certificate (its domain is an accepted domain) or our address, and MAIL FROM must be of an accepted domain.",
  }),
  known(
    "550 5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set [host date id]",
    "relay.locked-down",
    sources.attribution,
    { codes: [5], permanent: false },
  ),
  known(
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
    "relay.direct-send-rejected",
    sources.directSend,
    {
      codes: [5],
      permanent: false,
      advice: "Give the sender an inbound connector with certificate or address, or use another way; RejectDirectSend is on.",
    },
  ),
  known(
    "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go to https://go.microsoft.com/fwlink/?linkid=865268 [host]",
    "relay.wrong-region",
    sources.attribution,
    { codes: [4], details: ["4.62", "4.63", "4.4"], text: /region|ATTR|hosted tenant/i },
  ),
  known("451 5.7.3 STARTTLS is required to send mail", "relay.starttls-needed", sources.connectors, {
    details: ["", "7.3"],
    text: /STARTTLS is required/i,
  }),
  known(
    "450 4.7.230 Connecting Exchange server version is out-of-date; connection to Exchange Online throttled for N mins/hr.",
    "relay.outdated-server",
    sources.onPremisesEnforcement,
    { codes: [4, 5] },
  ),
  known("550 5.7.606 Access denied, banned sending IP [x.x.x.x]", "blocked.address", sources.ndr, {
    codes: [5],
    details: ["7.606-7.649", "7.511", "7.513", "7.708"],
    permanent: false,
  }),
  known(
    "550 5.7.1 Service unavailable, Client host [x] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/x (AS3130)",
    "blocked.address",
    sources.ndr,
    { codes: [5], text: /client host .{1,60} blocked/i, permanent: false },
  ),
  ...exchangeOnlineReplies,
];
