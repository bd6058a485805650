import type { Failure } from "../../mail/failure.ts";
import { enhancedStatus } from "../../mail/status.ts";
import type { Reply } from "../../mail/reply.ts";
import { statusReply } from "./format-reply.ts";

/**
 * How a refusal is told to an SMTP client: the one place where a failure becomes a reply.
 *
 * The code follows from the failure's name where RFCs name one, else from whether it is permanent and whom it concerns. The enhanced status
 * is the failure's own: the code is never guessed from it nor it from the code.
 */
export function renderFailure(failure: Failure): Reply {
  const code = failure.permanent ? permanentCode(failure) : temporaryCode(failure);
  return statusReply(code, enhancedStatus(failure.permanent, failure.detail), failure.text);
}

function permanentCode(failure: Failure): number {
  switch (failure.code) {
    case "submission.unauthenticated": // RFC 4954 §6
    case "submission.tls-required": // RFC 3207 §4
      return 530;
    case "submission.bad-credentials": // RFC 4954 §6
      return 535;
    case "submission.address-syntax":
    case "submission.sender-syntax":
      return 501;
    case "submission.too-large": // RFC 1870 §6.1
    case "remote.too-large":
      return 552;
    case "submission.network-not-trusted": // RFC 5321 §3.6.2 and §7.9: 550 for "relay not permitted"
    case "submission.reverse-path-not-allowed":
    case "submission.author-not-allowed":
      return 550;
    default:
      return failure.scope === "recipient" ? 550 : 554;
  }
}

function temporaryCode(failure: Failure): number {
  switch (failure.code) {
    case "submission.bad-credentials":
    case "submission.locked-out": // RFC 4954 §6: temporary authentication failure
    case "submission.busy":
      return 454;
    case "submission.rate-exceeded": // RFC 5321 §4.2.2: not taken at this moment, for reasons of policy
      return 450;
    case "submission.too-many-recipients": // RFC 5321 §4.5.3.1.10
    case "spool.full": // RFC 5321 §4.2.2: insufficient system storage
      return 452;
    case "system.shutting-down": // RFC 5321 §3.8
    case "system.too-many-connections":
      return 421;
    default:
      return 451;
  }
}
