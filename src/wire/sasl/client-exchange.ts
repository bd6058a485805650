/**
 * The client's side of a SASL log-in (RFC 4422), without I/O: bytes as text, before base64. `client-plain.ts`, `client-login.ts` and
 * `client-xoauth2.ts` are the mechanisms.
 */
export interface ClientExchange {
  readonly mechanism: string;
  /** The initial response (RFC 4954 §4), or null when the server speaks first. */
  readonly initial: string | null;
  /** The answer to a challenge; null: nothing more to say, cancel the exchange with `*`. */
  respond(challenge: string): string | null;
}
