import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { known } from "./known.ts";

export const smartHostReplies: readonly KnownReply[] = [
  known("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "relay.denied", sources.exchangeDefaults, {
    codes: [5],
    scope: "recipient",
    advice: "The receive connector must let us relay: Add-ADPermission with Ms-Exch-SMTP-Accept-Any-Recipient.",
  }),
  known("550 5.7.1 Unable to relay", "relay.denied", sources.exchangeDefaults, {
    codes: [5],
    text: /unable to relay/i,
    scope: "recipient",
  }),
];
