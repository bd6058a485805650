import type { SecureContext } from "node:tls";
import type { SandboxPorts } from "../../lib/ports.ts";
import type { Envelope } from "../../mail/envelope.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Answer, ContentFacts, Credentials, MailCommand, RcptCommand } from "../../wire/smtp/server/handler.ts";
import type { SessionOptions } from "../../wire/smtp/server/session-options.ts";
import type { House } from "../house.ts";
import type { MessageClient } from "../messages/message.ts";
import type { MessageWriter } from "../messages/message-writer.ts";

/**
 * A room: one emulated service that speaks SMTP. All it says is here; listening, addresses, magic addresses and faults are the receiver's. A
 * new service is one file that makes one of these, and one line in rooms.ts.
 */
export interface SmtpRoom {
  /** As the listing and faults call it: `tenant-mx`. */
  readonly service: string;
  /** Which port it opens. */
  readonly port: keyof SandboxPorts;
  /** Its name in `postern env`, whose value is host:port. */
  readonly environmentName: `SANDBOX_${string}`;
  /** In place of the house's: other versions of TLS. */
  readonly tls?: SecureContext;
  /** Asks clients for a certificate in the TLS handshake; any is taken, none too. */
  readonly wantsCertificate?: boolean;
  /** How one session speaks. `client.address` may still change while it lasts (PROXY), so read it when it is needed. */
  session(client: RoomClient): SessionOptions;
  /** A client has come: what the room does in its session. */
  open(client: RoomClient): RoomSession;
}

/** The client of one session, as far as it is known at the time. */
export interface RoomClient {
  /** After the address map or PROXY. */
  readonly address: string;
  /** What it called itself; empty before EHLO. */
  readonly hello: string;
  /** The TLS version in use, or null. */
  readonly tls: string | null;
  /** The name of the server that it asked for in the TLS handshake; empty: none. */
  readonly serverName: string;
  /** What it showed in the TLS handshake, where the room wants that. */
  readonly certificate: ClientCertificate | null;
}

export interface ClientCertificate {
  /** Common name of the subject; null when there is none. */
  readonly commonName: string | null;
  /** DNS names of the subjectAltName extension, in lower case. */
  readonly names: readonly string[];
  /** Why it is not to be believed (`CERT_HAS_EXPIRED`); null: it is. The handshake takes every certificate. */
  readonly distrust: string | null;
}

/** One session in a room. All hooks are called in the order of the dialogue, one at a time; a Reply says no, null says yes. */
export interface RoomSession {
  /** EHLO or HELO. */
  hello?(): Reply | null;
  /** The password or the token, after the exchange. Only where `session` offers AUTH. */
  authenticate?(credentials: Credentials): Answer;
  /** Magic words are looked at afterwards. */
  mail?(command: MailCommand): Answer;
  /** Whether it takes mail for this recipient. `before`: those it took already. Magic words are looked at afterwards. */
  rcpt(command: RcptCommand, before: readonly string[]): Answer;
  /**
   * The content is complete, and no fault or magic word says otherwise: the room keeps the message (or gives it to the post) and answers. A bare
   * Reply says no; then, and after a throw, nothing was kept.
   */
  take(message: ArrivedMessage): Promise<Taken | Reply>;
  /** The connection is over; called once. */
  closed?(): void;
}

export interface Taken {
  /** As the listing calls it. */
  readonly id: string;
  readonly reply: Reply;
}

export interface ArrivedMessage {
  readonly envelope: Envelope;
  readonly content: MessageWriter;
  readonly facts: ContentFacts;
  readonly client: MessageClient;
}

export type MakeRoom = (house: House) => SmtpRoom;
