import type { LogInFailure } from "../../identity/identity.ts";

/**
 * The facts about the SMTP door that an operator cares about, one function each. The composition root implements it with its log and its
 * counters. Called on hot paths only where the comment says so; never with a password, a token or content.
 */
export interface SmtpDoorLog {
  listening(listener: string, address: string, port: number): void;
  /** Hot: once a connection. */
  connected(client: ClientFacts): void;
  /** Hot: once a connection. `reason` is ours: `quit`, `lost`, `idle`, … */
  disconnected(client: ClientFacts, reason: string): void;
  /** Hot: once a message, after its positive reply was decided. */
  accepted(client: ClientFacts, id: number, size: number): void;
  /** A positive answer was withheld. `code` is of mail/failure-codes.ts. */
  refused(client: ClientFacts, code: string, text: string): void;
  loggedIn(client: ClientFacts, mechanism: string): void;
  logInFailed(client: ClientFacts, mechanism: string, user: string, code: LogInFailure): void;
  /** A TLS ClientHello came on a plain port; `crossed`: after our greeting had left. */
  tlsOnPlainPort(client: ClientFacts, crossed: boolean): void;
  tlsFailed(client: ClientFacts, reason: string): void;
  /** We cut it off: too slow, idle, flooding, too many. */
  cut(client: ClientFacts, reason: string): void;
  fault(client: ClientFacts | null, error: unknown): void;
}

export interface ClientFacts {
  readonly listener: string;
  readonly address: string;
  readonly port: number;
  /** What it called itself in EHLO or HELO; client input. */
  readonly name: string;
  /** The principal's name; empty as long as there is none. */
  readonly principal: string;
  readonly tls: string;
}
