/**
 * A door: a way in for applications and devices. Adapters: `smtp/`, `pickup/`; what HTTP doors share is in `http/`.
 *
 * Duties of a door: it speaks its protocol to the letter, authorises the client with identity/, hands the message to `Submit`, and answers
 * positively only when that has resolved. Hostile input costs it bounded memory and time. It knows no other door, no queue and no route.
 * Duties of whoever composes: `listen` once, `close` once; disposing is closing at once.
 */
export interface Ingress extends AsyncDisposable {
  /** Resolves when every listener is bound; rejects, with nothing left open, when one cannot be. */
  listen(): Promise<void>;
  /** Every listener is bound and accepts. */
  ready(): boolean;
  /** Where it listens, for `postern env` and for tests that asked for port 0. */
  addresses(): readonly ListeningAddress[];
  /** Stops accepting, tells idle clients, lets transactions finish for at most `drainMs`, then cuts off what is left. */
  close(drainMs: number): Promise<void>;
}

export interface ListeningAddress {
  /** The listener's name in the configuration. */
  readonly listener: string;
  readonly address: string;
  readonly port: number;
}
