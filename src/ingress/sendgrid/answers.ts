import type { Failure } from "../../mail/failure.ts";
import { apiError, type ApiError } from "../../wire/sendgrid/api-errors.ts";

/** A negative answer. */
export interface ErrorAnswer {
  readonly status: number;
  readonly errors: readonly ApiError[];
  /** Seconds after which another try may help. */
  readonly retryAfter?: number;
}

/** Of refusals that pass by themselves. */
const retrySoonS = 10;

/** SG 401: the published text, whatever was wrong with the key. */
export const unauthorized: ErrorAnswer = {
  status: 401,
  errors: [plain("The provided authorization grant is invalid, expired, or revoked")],
};

export const badRequest: ErrorAnswer = { status: 400, errors: [plain("Bad Request")] };

/** SG 403: the published text. */
const unverifiedSender: ErrorAnswer = {
  status: 403,
  errors: [
    apiError(
      "from",
      "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements",
    ),
  ],
};

export function tooManyRequests(waitMs: number): ErrorAnswer {
  return { status: 429, errors: [plain("too many requests")], retryAfter: Math.max(1, Math.ceil(waitMs / 1000)) };
}

/** A refusal of ours in the service's form. */
export function answerTo({ code, permanent, text }: Failure): ErrorAnswer {
  switch (code) {
    case "submission.bad-credentials":
      return unauthorized;
    case "submission.reverse-path-not-allowed":
    case "submission.author-not-allowed":
      return unverifiedSender;
    case "submission.recipient-not-allowed":
    case "submission.route-refuses-sender":
      return { status: 403, errors: [plain(text)] };
    case "submission.too-large":
      return { status: 413, errors: [plain(text)] };
    case "submission.locked-out":
      return tooManyRequests(60_000);
    case "submission.rate-exceeded":
      return tooManyRequests(1000);
    case "submission.too-many-recipients":
      return { status: 400, errors: [plain(text)] };
    case "system.fault":
      return { status: 500, errors: [plain(text)] };
    default:
      return permanent ? { status: 400, errors: [plain(text)] } : { status: 503, errors: [plain(text)], retryAfter: retrySoonS };
  }
}

/** Of the request as a whole. */
export function plain(message: string): ApiError {
  return { message, field: null, help: null };
}
