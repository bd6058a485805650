import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { exchangeOnlineReplies } from "./exchange-online.ts";
import { known } from "./known.ts";
import { exchangeLogInReplies } from "./log-in.ts";

export const hveReplies: readonly KnownReply[] = [
  known(
    "550 5.7.240 The application is not allowed for use with this High Volume Email account",
    "route.auth-app-not-allowed",
    sources.hveTrouble,
    {
      codes: [5],
      advice:
        'Add-HVEAppAccess -Identity ACCOUNT -AppIds "OBJECT-ID", the object id of the enterprise application, not the client id; it takes up to 5 minutes.',
    },
  ),
  known("535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions", "route.auth-permission-missing", sources.hveTrouble, {
    advice: "Give the application Mail.Send of Office 365 Exchange Online (not of Graph) and consent as administrator.",
  }),
  known("535 5.7.143 Expired token", "route.auth-token-expired", sources.hveTrouble),
  known("535 5.7.142 Token will expire soon", "route.auth-token-expired", sources.hveTrouble),
  known("501 5.5.121 Invalid XOAUTH2 argument", "route.auth-failed", sources.hveTrouble, { details: ["5.121-5.126"], stages: ["auth"] }),
  known("550 5.2.240 not a High Volume Email account", "route.auth-not-hve-account", sources.hveField, {
    codes: [5],
    status: "field",
    advice: "Only accounts made by New-MailUser -HVEAccount may log in there.",
  }),
  known("550 5.7.62 MAIL FROM is not the account", "sender.not-account", sources.hveField, { codes: [5], status: "field" }),
  known("550 5.6.241 From is not the account", "sender.not-account", sources.hveField, { codes: [5], status: "field" }),
  ...exchangeLogInReplies,
  ...exchangeOnlineReplies,
];
