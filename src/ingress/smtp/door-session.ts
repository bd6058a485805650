import type { Principal } from "../../identity/principal.ts";
import type { SmtpServerHandler } from "../../wire/smtp/server/handler.ts";

/** The policy half of a connection, and what the other half (connection.ts) asks it. */
export interface DoorSession extends SmtpServerHandler {
  /** Who submits; null: nobody, or not known yet. */
  readonly principal: Principal | null;
  /** SASL mechanism of the log-in; empty: none. */
  readonly mechanism: string;
  /** What the client called itself. */
  readonly name: string;
  /** It said HELO. */
  readonly plainHello: boolean;
  /** Taken over this connection. */
  readonly messages: number;
  /** The connection is gone: a delayed answer need not wait any longer. */
  stopWaiting(): void;
}
