import { failureCodes } from "../../mail/failure-codes.ts";
import type { KnownReply } from "../service.ts";
import { sources } from "../sources.ts";
import { exchangeOnlineReplies } from "./exchange-online.ts";
import { known } from "./known.ts";
import { tenantMxReplies } from "./tenant-mx.ts";

/** Receivers of the whole world; those of Microsoft and Google have texts of their own. What concerns one receiver never concerns the route. */
export const mxReplies: readonly KnownReply[] = [
  known("550 5.5.0 Requested action not taken: mailbox unavailable", "remote.no-such-recipient", sources.outlookBulk, {
    stages: ["rcpt", "content"],
    text: /mailbox unavailable/i,
    scope: "recipient",
  }),
  known("550 5.7.1 Unfortunately, messages from [ip] weren't sent. (S3150)", "blocked.address", sources.outlookBulk, {
    codes: [5],
    text: /S31[45]0/,
    permanent: false,
  }),
  known(
    "451 4.7.650 The mail server [ip] has been temporarily rate limited due to IP reputation (S775)",
    "remote.throttled",
    sources.outlookBulk,
    { codes: [4] },
  ),
  known("421 4.7.28 Our system has detected an unusual rate of unsolicited mail", "remote.throttled", sources.gmailBulk, {
    codes: [4],
    details: ["7.28"],
  }),
  known("421 4.7.26 This mail is unauthenticated", "domain.unauthenticated", sources.gmailBulk, {
    codes: [421, 550],
    details: ["7.25", "7.26", "7.27", "7.30", "7.32"],
  }),
  known("421 4.7.0 [TSS04] Messages from [ip] temporarily deferred", "remote.throttled", sources.yahooBulk, {
    codes: [4],
    text: /\[TSS/,
    status: "field",
  }),
  known("554 5.7.9 Message not accepted for policy reasons", "domain.unauthenticated", sources.yahooBulk, { codes: [5], status: "field" }),
  ...tenantMxReplies.filter((reply) => !exchangeOnlineReplies.includes(reply)),
  ...exchangeOnlineReplies,
].map((reply) => ({ ...reply, scope: reply.scope ?? (failureCodes[reply.code].scope === "recipient" ? "recipient" : "destination") }));
