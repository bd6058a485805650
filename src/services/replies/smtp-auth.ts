import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { exchangeOnlineReplies } from "./exchange-online.ts";
import { known } from "./known.ts";
import { exchangeLogInReplies } from "./log-in.ts";

export const smtpAuthReplies: readonly KnownReply[] = [
  ...exchangeLogInReplies,
  known(
    "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls. [host]",
    "route.tls-failed",
    sources.smtpSubmission,
    { details: ["7.66", "7.67"], codes: [4, 5] },
  ),
  known("550 5.2.252 Sender throttled due to continuous send as denied errors", "sender.throttled", sources.smtpSubmission, {
    text: /throttled/i,
    status: "field",
    permanent: false,
  }),
  known(
    "554 5.2.252 SendAsDenied; user not allowed to send as address; STOREDRV.Submission.Exception:SendAsDeniedException",
    "sender.send-as-denied",
    sources.smtpSubmission,
    { codes: [5] },
  ),
  known("550 5.7.60 SMTP; Client does not have permissions to send as this sender", "sender.send-as-denied", sources.smtpSubmission, {
    codes: [5],
    advice: "Add-RecipientPermission SENDER -Trustee MAILBOX -AccessRights SendAs.",
  }),
  ...exchangeOnlineReplies,
];
