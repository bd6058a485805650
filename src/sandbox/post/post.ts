import type { Envelope } from "../../mail/envelope.ts";
import type { MessageClient, SandboxMessage } from "../messages/message.ts";
import type { MessageWriter } from "../messages/message-writer.ts";

/**
 * The post: what a sending service does with a message it has taken.
 *
 * It puts on top what the service adds (Received, and the signatures of its own keys), keeps one record of it, which is in the listing when
 * `take` resolves, and carries it on afterwards: into mailboxes of the tenant, or out to the internet from the service's own address, where
 * the outside receiver checks it. What cannot be delivered comes back as a notification to the reverse-path. The record's `deliveries` say
 * what became of each recipient; they are filled in as it becomes known. A room answers its client with the id in what `take` gives.
 */
export interface Post {
  /** @throws what the disk throws; the caller aborts the content then. */
  take(message: TakenMessage, content: MessageWriter): Promise<SandboxMessage>;
  /** Carries on, later, what a receiving room has kept as it came: checks it, relays it, tells its sender. */
  carry(message: SandboxMessage, envelope: Envelope, verdict?: RoomVerdict): void;
}

/** Rooms whose messages begin with what the service added. */
export const sendingServices = ["smtp-auth", "hve", "acs-smtp", "sendgrid-smtp", "on-premises"] as const;
export type SendingService = (typeof sendingServices)[number];

/** What the room has found out about the limits already. */
export type RoomVerdict = Pick<TakenMessage, "obstacle" | "countedForTenant">;

export interface TakenMessage {
  /** The room that took it from the client. */
  readonly service: SendingService;
  /** Who logged in; null: nobody. */
  readonly account: string | null;
  readonly envelope: Envelope;
  /** The client as the room sees it (after the address map), for Received and the listing. */
  readonly client: MessageClient;
  /** The service took it and lets it wait, until this moment of the policy clock in milliseconds (more than 30 messages a minute). */
  readonly notBefore?: number;
  /** SendGrid: the categories of X-SMTPAPI. */
  readonly categories?: readonly string[];
  /** The service took it and will carry it to nobody: why; null: nothing is in its way. */
  readonly obstacle?: string | null;
  /** The room has counted its external recipients for the tenant already. */
  readonly countedForTenant?: boolean;
  /** Name of the server that the client spoke to, for Received. */
  readonly hostname: string;
}
