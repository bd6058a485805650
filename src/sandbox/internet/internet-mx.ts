import { domainOf } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { House } from "../house.ts";
import { keepMessage } from "../smtp/keep-message.ts";
import type { SmtpRoom } from "../smtp/room.ts";

/**
 * The MX of the outside world: a partner (`fabrikam.example`) and two consumer services (`outlook.example`, `gmail.example`), one server for
 * all. It is nobody's product, so its texts are its own. The bulk-sender rules of consumer services come later.
 */
export function internetMx(house: House): SmtpRoom {
  const domains = new Set(house.options.internet.domains.map((domain) => domain.toLowerCase()));
  const hostname = `mx.${house.options.internet.domains[0] ?? "internet.example"}`;
  return {
    service: "internet-mx",
    port: "internetMx",
    environmentName: "SANDBOX_INTERNET_MX",
    session: () => ({ hostname, startTls: true, maxMessageSize: 50 * 1024 * 1024, maxRecipients: 1000 }),
    open: () => ({
      rcpt({ address }): Reply | null {
        if (address.toLowerCase() === "postmaster") return null;
        return domains.has(domainOf(address)) ? null : relayingDenied;
      },
      async take(message) {
        const { id } = await keepMessage(house, "internet-mx", message);
        return { id, reply: { code: 250, lines: [`2.0.0 Ok: queued as ${id}`] } };
      },
    }),
  };
}

const relayingDenied: Reply = { code: 550, lines: ["5.7.1 Relaying denied"] };
