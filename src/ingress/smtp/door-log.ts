import type { LogInFailure } from "../../identity/identity.ts";

/**
 * The facts about the SMTP door that an operator cares about, one function each. The composition root implements it with its log and its
 * counters. Hot where the comment says so; never with a password, a token or content.
 */
export interface SmtpDoorLog {
  listening(listener: string, address: string, port: number): void;
  /** Hot: once a connection. */
  connected(client: ClientFacts): void;
  /** Hot: once a connection. `reason` is ours: `quit`, `lost`, `idle`, … */
  disconnected(client: ClientFacts, reason: string): void;
  /** Hot: once a message, when its positive reply is on its way. */
  accepted(client: ClientFacts, id: number, size: number): void;
  /** A positive answer was withheld. `code` is of mail/failure-codes.ts. */
  refused(client: ClientFacts, code: string, text: string): void;
  loggedIn(client: ClientFacts, mechanism: string): void;
  /** `user` is what the client typed; people type passwords into the wrong field, so show it with care. */
  logInFailed(client: ClientFacts, mechanism: string, user: string, code: LogInFailure): void;
  /** A TLS ClientHello came on a plain port; `crossed`: after our greeting had left. */
  tlsOnPlainPort(client: ClientFacts, crossed: boolean): void;
  tlsFailed(client: ClientFacts, reason: string): void;
  /** We cut it off: too slow, idle, flooding. */
  cut(client: ClientFacts, reason: string): void;
  /** Turned away before a session began. */
  turnedAway(listener: string, address: string, code: string): void;
  fault(client: ClientFacts | null, error: unknown): void;
}

/** The live connection itself: read what is needed at once, do not keep it. */
export interface ClientFacts {
  readonly listenerName: string;
  readonly address: string;
  readonly port: number;
  /** What it called itself in EHLO or HELO; client input. */
  readonly clientName: string;
  /** Empty as long as there is none. */
  readonly principalName: string;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`; empty for none. */
  readonly tls: string;
}
