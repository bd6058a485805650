import type { SandboxPorts } from "../../lib/ports.ts";
import type { Reply } from "../../mail/reply.ts";
import type { SessionOptions } from "../../wire/smtp/server/session-options.ts";
import type { House } from "../house.ts";
import type { NewMessage } from "../messages/message-store.ts";

/**
 * A room: one emulated service that speaks SMTP. All it says is here; listening, magic addresses, faults and keeping mail are the
 * receiver's. A new service is one file that makes one of these, and one line in rooms.ts.
 */
export interface SmtpRoom {
  /** As the listing and faults call it: `tenant-mx`. */
  readonly service: string;
  /** Which port it opens. */
  readonly port: keyof SandboxPorts;
  /** Its name in `postern env`, whose value is host:port. */
  readonly environmentName: `SANDBOX_${string}`;
  /** Of one session. `client` is the client's address. */
  session(client: string): SessionOptions;
  /** Whether it takes mail for this recipient; a Reply says no. `before`: the recipients it took already. Magic words are looked at afterwards. */
  rcpt(address: string, before: readonly string[]): Reply | null;
  /** The answer to a message that was kept. */
  accepted(message: NewMessage & { readonly id: string; readonly size: number }): Reply;
}

export type MakeRoom = (house: House) => SmtpRoom;
