import { findIncoming, findOriginating, type Evidence, type Incoming, type Originating } from "../../mailflow/attribution.ts";
import { domainOf } from "../../mail/address.ts";
import type { Recipient } from "../../mail/envelope.ts";
import type { Reply } from "../../mail/reply.ts";
import type { MailCommand, RcptCommand } from "../../wire/smtp/server/handler.ts";
import type { House } from "../house.ts";
import type { MessageAttribution } from "../messages/message.ts";
import { keepMessage } from "../smtp/keep-message.ts";
import type { ArrivedMessage, RoomClient, RoomSession, Taken } from "../smtp/room.ts";
import { isAcceptedDomain, isRecipient } from "../tenant/directory.ts";
import type { InboundConnector } from "../tenant/tenant.ts";
import { shownMessageId } from "./exchange-replies.ts";

/** MS SA "smtp-submission-improvements": more recipients of one domain in one envelope from outside are put off. */
const maxRecipientsOfDomain = 200;
const tooManyRecipients: Reply = { code: 452, lines: ["4.5.3 Too many recipients"] };

/** One session at the tenant's MX. The tenant is asked anew for each command: it can be changed while the session lasts. */
export class TenantMxSession implements RoomSession {
  readonly #house: House;
  readonly #client: RoomClient;
  readonly #hostname: string;
  #reversePath: string | null = null;
  /** When the message at hand is counted. */
  #countedAt = 0;

  constructor(house: House, client: RoomClient, hostname: string) {
    this.#house = house;
    this.#client = client;
    this.#hostname = hostname;
  }

  mail({ reversePath }: MailCommand): null {
    this.#reversePath = reversePath;
    this.#countedAt = this.#house.usage.momentOf(this.#house.clock.now());
    return null;
  }

  rcpt({ address }: RcptCommand, before: readonly string[]): Reply | null {
    const domain = domainOf(address);
    // RFC 5321 §4.5.1: postmaster without a domain is always taken.
    if (domain === "" && address.toLowerCase() === "postmaster") return null;
    const refusal = this.#house.edge.refusal(this.#client.address, this.#hostname);
    if (refusal !== null) return refusal;
    const tenant = this.#house.tenant.current;
    const originating = this.#originating();
    if (!isAcceptedDomain(tenant, domain))
      // Learn "Updated requirements for SMTP relay": who originates in the tenant may relay, nobody else.
      return originating !== null ? null : no(`5.7.64 TenantAttribution; Relay Access Denied SMTP ${this.#stamp()}`);
    if (before.length >= maxRecipientsOfDomain && before.filter((taken) => domainOf(taken) === domain).length >= maxRecipientsOfDomain)
      return tooManyRecipients;
    const refused = originating === null ? this.#incomingRefusal() : null;
    if (refused !== null) return refused;
    // Directory-based edge blocking.
    if (!isRecipient(tenant, address)) return no(`5.4.1 Recipient address rejected: Access denied. [${this.#hostname}]`);
    return this.#house.recipientLimits.check(this.#reversePath ?? "", address, this.#countedAt);
  }

  async take(message: ArrivedMessage): Promise<Taken | Reply> {
    const { options, recipientLimits, tenant, tenantLimits, post } = this.#house;
    const { envelope } = message;
    const { reversePath } = envelope;
    const isInside = ({ address }: Recipient): boolean => isAcceptedDomain(tenant.current, domainOf(address));
    const countedForTenant = options.limits.refuseTenantAt === "data";
    if (countedForTenant) {
      const outside = envelope.recipients.filter((recipient) => !isInside(recipient)).length;
      const refused = tenantLimits.take(reversePath ?? "", outside, this.#countedAt);
      if (refused !== null) return no(refused.slice("550 ".length));
    }
    const kept = await keepMessage(this.#house, "tenant-mx", message, { attribution: this.#attribution() });
    for (const recipient of envelope.recipients)
      if (isInside(recipient)) recipientLimits.count(reversePath ?? "", recipient.address, this.#countedAt);
    post.carry(kept, envelope, { countedForTenant });
    const { id, messageId, size } = kept;
    // Unverified text. InternalId is the sandbox's own id of the message.
    const shown = shownMessageId(messageId, id, this.#hostname);
    const lines = [`2.6.0 ${shown} [InternalId=${id}, Hostname=${this.#hostname}] ${size} bytes Queued mail for delivery`];
    return { id, reply: { code: 250, lines } };
  }

  #incomingRefusal(): Reply | null {
    const incoming = this.#incoming();
    switch (incoming.kind) {
      case "needs-tls":
        return { code: 451, lines: ["5.7.3 STARTTLS is required to send mail"] };
      case "locked-out":
        return no(
          "5.7.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain. " +
            `The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set ${this.#stamp()}`,
        );
      case "partner":
        // PS Set-OrganizationConfig: a connector that names addresses or a certificate makes the source an authorised one.
        return incoming.by === "sender-domain" ? this.#directSendRefusal() : null;
      case "default":
        return this.#directSendRefusal();
    }
  }

  /** Only MAIL FROM is looked at; whether the message would pass SPF or DMARC does not matter. */
  #directSendRefusal(): Reply | null {
    const tenant = this.#house.tenant.current;
    const domain = domainOf(this.#reversePath ?? "");
    if (!tenant.policies.rejectDirectSend || domain === "" || !isAcceptedDomain(tenant, domain)) return null;
    return no("5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources");
  }

  #originating(): Originating<InboundConnector> | null {
    const tenant = this.#house.tenant.current;
    return findOriginating(tenant.connectors, this.#evidence(), (domain) => isAcceptedDomain(tenant, domain));
  }

  #incoming(): Incoming<InboundConnector> {
    return findIncoming(this.#house.tenant.current.connectors, this.#evidence());
  }

  #evidence(): Evidence {
    const { address, tls, certificate } = this.#client;
    // That it must be valid and of a trusted authority to count at all is unverified: nothing published says what is looked at.
    const names =
      certificate === null || certificate.distrust !== null
        ? []
        : [certificate.commonName, ...certificate.names].filter((name) => name !== null);
    return { address, tls: tls !== null, certificateNames: names, senderDomain: domainOf(this.#reversePath ?? "") };
  }

  #attribution(): MessageAttribution {
    const originating = this.#originating();
    if (originating !== null) {
      const { connector, by } = originating;
      const tenant = this.#house.tenant.current;
      return {
        direction: "Originating",
        connector: connector.name,
        connectorType: connector.connectorType,
        by,
        // PS Set-InboundConnector: the sender's domain must be an accepted one.
        treatAsInternal: connector.treatMessagesAsInternal && isAcceptedDomain(tenant, domainOf(this.#reversePath ?? "")),
      };
    }
    const incoming = this.#incoming();
    return incoming.kind === "partner"
      ? { direction: "Incoming", connector: incoming.connector.name, connectorType: "Partner", by: incoming.by, treatAsInternal: false }
      : { direction: "Incoming", connector: null, connectorType: null, by: "default", treatAsInternal: false };
  }

  /** Where Microsoft puts `[host date id]` behind a reply; the id is its own, so ours is left out. */
  #stamp(): string {
    return `[${this.#hostname} ${new Date(this.#house.clock.now()).toISOString()}]`;
  }
}

function no(text: string): Reply {
  return { code: 550, lines: [text] };
}
