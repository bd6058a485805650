/**
 * Where routes get their OAuth access tokens; the port of `identities` in the configuration. One source is one identity at one authority.
 *
 * Duties of a source: tokens are cached by scope, refreshed ahead of their end, and asked for once however many wait (single-flight); a
 * changed secret or certificate is picked up without a restart; no secret, assertion or token appears in an error, a log or a trace.
 * Duties of the caller: asks before each log-in; says `reject` when the service refused the very token it got.
 */
export interface TokenSource extends AsyncDisposable {
  readonly name: string;
  /** A token that is good for a while. @throws TokenFailed, with the reason; or the signal's reason. */
  token(scope: string, signal: AbortSignal): Promise<AccessToken>;
  /** The service refused this token: it is not handed out again. */
  reject(scope: string, token: string): void;
  /** Somebody may just have mended what failed: the next to come asks, instead of being told the last failure again. */
  forgive(): void;
  /** For `doctor`, the status page and metrics: nothing secret. */
  status(): TokenSourceStatus;
}

export interface AccessToken {
  readonly token: string;
  /** Wall-clock ms. */
  readonly expiresAt: number;
}

export interface TokenSourceStatus {
  readonly name: string;
  /** `client-secret`, `client-certificate`, `managed-identity`, … */
  readonly kind: string;
  readonly authority: string;
  readonly tenant: string | null;
  readonly clientId: string | null;
  /** When the newest secret or certificate that works ends, wall-clock ms; null: unknown, or it has none. */
  readonly credentialExpiresAt: number | null;
  /** Which secret or certificate worked last, by its reference; null: none did yet, or it has none. */
  readonly worksWith: string | null;
  readonly renewals: { readonly done: number; readonly failed: number };
  readonly lastError: { readonly at: number; readonly code: string; readonly text: string } | null;
  readonly tokens: readonly { readonly scope: string; readonly expiresAt: number }[];
}

export class TokenFailed extends Error {
  override readonly name = "TokenFailed";
  /** `AADSTS7000215`, `unreachable`, `no-secret`, … */
  readonly code: string;
  /** Whether trying again later can help without anybody doing something. */
  readonly temporary: boolean;
  /** How long the authority asked to be left alone. */
  readonly retryAfterMs: number | null;

  constructor(code: string, message: string, temporary: boolean, retryAfterMs: number | null = null) {
    super(message);
    this.code = code;
    this.temporary = temporary;
    this.retryAfterMs = retryAfterMs;
  }
}
