import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { known } from "./known.ts";

/** Little is published: the texts of its throttling and of a wrong sender are not. */
export const acsSmtpReplies: readonly KnownReply[] = [
  known("535 5.7.3 Authentication unsuccessful", "route.auth-failed", sources.acsSmtp, {
    stages: ["auth"],
    status: "field",
    advice: "Check the user name (resource.application.tenant), the client secret and the role of the application on the ACS resource.",
  }),
  known("451 4.5.127 Rate limit exceeded", "quota.subscription", sources.acsSmtp, {
    codes: [4, 5],
    details: ["5.127", "4.5", "7.1", "3.2"],
    text: /rate|quota|thrott|too many/i,
    status: "unverified",
    permanent: false,
  }),
  known("550 5.7.1 The sender is not a configured sender of a linked domain", "sender.not-verified", sources.acsSmtp, {
    stages: ["mail", "content"],
    codes: [5],
    text: /sender|mail ?from|domain/i,
    status: "unverified",
  }),
];
