import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { known } from "./known.ts";

export const sendgridSmtpReplies: readonly KnownReply[] = [
  known("451 Authentication failed: Maximum credits exceeded", "quota.credits", sources.sendgridErrors, {
    codes: [4, 5],
    text: /maximum credits exceeded/i,
    permanent: false,
    advice: "The plan's mails are used up: raise the plan, or wait for its next period.",
  }),
  known(
    "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked",
    "route.auth-failed",
    sources.sendgridErrors,
    { text: /authorization grant is invalid/i, advice: "The user is literally apikey and the secret a key with the scope mail.send." },
  ),
  known(
    "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
    "sender.not-verified",
    sources.sendgridErrors,
    { text: /verified Sender Identity/i, advice: "Verify the sender or authenticate its domain in SendGrid." },
  ),
];
