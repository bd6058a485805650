import type { AccessToken } from "./token-source.ts";

/**
 * One way to ask an authority for a token: what stands behind a TokenSource (cached-source.ts, which caches, waits and refreshes). Each kind
 * of identity has a file with its own.
 *
 * Duties: `ask` reads its secrets anew each time; it throws TokenFailed, with nothing secret in it, or the signal's reason.
 */
export interface Grant {
  readonly kind: string;
  readonly authority: string;
  readonly tenant: string | null;
  readonly clientId: string | null;
  ask(scope: string, signal: AbortSignal): Promise<AccessToken>;
  /** Changes when a secret did: a failure of the former says nothing about the new. A digest, never the secret. */
  fingerprint(): string;
  /** When what works ends, wall-clock ms; null: unknown, or it has none. */
  credentialExpiresAt(): number | null;
  /** Reference of the secret or certificate that worked last. */
  worksWith(): string | null;
}
