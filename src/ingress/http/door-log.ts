import type { LogInFailure } from "../../identity/identity.ts";

/** What operators want to know of the HTTP door; as the SMTP door tells it. Never with a key, a token or content. */
export interface HttpDoorLog {
  listening(listener: string, address: string, port: number): void;
  /** Hot: once a message, before its positive answer. */
  accepted(client: CallerFacts, id: number, size: number): void;
  /** A positive answer was withheld. `code` is of mail/failure-codes.ts. */
  refused(client: CallerFacts, code: string, text: string): void;
  loggedIn(client: CallerFacts, mechanism: string): void;
  logInFailed(client: CallerFacts, mechanism: string, user: string, code: LogInFailure): void;
  turnedAway(listener: string, address: string, code: string): void;
  fault(client: CallerFacts | null, error: unknown): void;
}

export interface CallerFacts {
  readonly listenerName: string;
  readonly address: string;
  readonly port: number;
  /** What it called itself; empty over HTTP. */
  readonly clientName: string;
  /** Empty as long as there is none. */
  readonly principalName: string;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`; empty for none. */
  readonly tls: string;
}
