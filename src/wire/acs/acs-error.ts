/**
 * How ACS says no: `{"error":{"code","message","target"}}`, and the code once more in the header `x-ms-error-code`.
 *
 * MS communication data plane Email 2025-09-01, ErrorResponse (read 2026-11-21). There is no list of the codes; those that were met in the field are used where
 * they fit, else what the status is called.
 */
export class AcsError extends Error {
  override readonly name = "AcsError";
  readonly status: AcsErrorStatus;
  readonly code: string;
  /** The property or parameter that is wrong: `recipients.to[0].address`. */
  readonly target: string | undefined;
  /** Seconds until it may be tried again. */
  readonly retryAfterS: number | undefined;

  constructor(status: AcsErrorStatus, code: string, message: string, target?: string, retryAfterS?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.target = target;
    this.retryAfterS = retryAfterS;
  }
}

export type AcsErrorStatus = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 500 | 503;

/** ErrorDetail of the specification. */
export interface AcsErrorDetail {
  readonly code: string;
  readonly message: string;
  readonly target?: string;
  readonly details?: readonly AcsErrorDetail[];
}

export function acsErrorBody({ code, message, target }: Pick<AcsError, "code" | "message" | "target">): { readonly error: AcsErrorDetail } {
  return { error: { code, message, ...(target === undefined ? {} : { target }) } };
}
