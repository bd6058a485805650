import type { Failure } from "../../mail/failure.ts";
import type { Reply } from "../../mail/reply.ts";
import { enhancedStatus } from "../../mail/status.ts";

/** The SMTP code for failures whose code is not the plain 550 or 451. */
const codes: Readonly<Record<string, number>> = {
  "submission.unauthenticated": 530,
  "submission.tls-required": 530,
  "submission.bad-credentials": 535,
  "submission.locked-out": 454,
  "submission.busy": 454,
  "submission.rate-exceeded": 450,
  "submission.too-many-recipients": 452,
  "submission.too-large": 552,
  "spool.full": 452,
  "system.busy": 452,
  "system.shutting-down": 421,
};

/** A failure as the reply that a client gets. */
export function renderFailure(failure: Failure): Reply {
  const code = codes[failure.code] ?? (failure.permanent ? 550 : 451);
  return { code, lines: [`${enhancedStatus(failure.permanent, failure.detail)} ${failure.text}`] };
}
