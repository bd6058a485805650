import { Readable } from "node:stream";
import { domainOf } from "../../mail/address.ts";
import type { Reply } from "../../mail/reply.ts";
import type { House } from "../house.ts";
import { keepMessage } from "../smtp/keep-message.ts";
import type { ArrivedMessage, SmtpRoom } from "../smtp/room.ts";
import { scanHeader } from "../../wire/mime/header-scan.ts";
import { outsideAddress } from "../world/hosts.ts";
import { bulkSenderRefusal } from "./bulk-sender-rules.ts";
import { checkAuthentication, isCheckable, uncheckable } from "./check-authentication.ts";

/**
 * The MX of the outside world: a partner (`fabrikam.example`) and two consumer services (`outlook.example`, `gmail.example`), one server for
 * all. It is nobody's product, so its texts are its own. What arrives is checked (SPF, DKIM, DMARC) when there is time, and the listing says what was
 * found; while the bulk-sender rules are on (PUT /api/edge), the consumer services check before they answer.
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
        const refusal = await bulkRefusal(house, message);
        if (refusal !== null) return refusal;
        const kept = await keepMessage(house, "internet-mx", message);
        const { id } = kept;
        house.post.carry(kept, message.envelope);
        return { id, reply: { code: 250, lines: [`2.0.0 Ok: queued as ${id}`] } };
      },
    }),
  };
}

const relayingDenied: Reply = { code: 550, lines: ["5.7.1 Relaying denied"] };

async function bulkRefusal({ edge, dns }: House, { envelope, content, client }: ArrivedMessage): Promise<Reply | null> {
  if (edge.state.bulkSenderRules !== true) return null;
  const author = domainOf(scanHeader(content.head(), false).authors[0] ?? "");
  const arrival = { address: outsideAddress(client.address), hello: client.hello, mailFrom: envelope.reversePath ?? "" };
  const authentication = isCheckable(content.head())
    ? await checkAuthentication(dns, Readable.from(content.content()), arrival)
    : uncheckable;
  for (const { address } of envelope.recipients) {
    const refusal = bulkSenderRefusal(domainOf(address), author, authentication);
    if (refusal !== null) return { code: 550, lines: [refusal.slice("550 ".length)] };
  }
  return null;
}
