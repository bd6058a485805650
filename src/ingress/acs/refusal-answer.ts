import type { Refusal } from "../../mail/refusal.ts";
import { AcsError } from "../../wire/acs/acs-error.ts";

/** Of what passes by itself and does not say when. */
const retryAfterS = 10;

/** What ACS would say to what our submission refuses. */
export function errorOfRefusal({ failure }: Refusal): AcsError {
  const { code, text, permanent } = failure;
  switch (code) {
    case "submission.rate-exceeded":
      return new AcsError(429, "TooManyRequests", text, undefined, retryAfterS);
    case "submission.reverse-path-not-allowed":
    case "submission.author-not-allowed":
    case "submission.recipient-not-allowed":
    case "submission.route-refuses-sender":
      return new AcsError(403, "Forbidden", text);
    case "submission.too-many-recipients":
      return new AcsError(400, "BadRequest", text, "recipients");
    case "submission.too-large":
      return new AcsError(413, "RequestEntityTooLarge", text);
    case "system.fault":
      return new AcsError(500, "InternalServerError", text);
    default:
      return permanent ? new AcsError(400, "BadRequest", text) : new AcsError(503, "ServiceUnavailable", text, undefined, retryAfterS);
  }
}
