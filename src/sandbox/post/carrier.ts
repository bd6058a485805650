import { Readable } from "node:stream";
import { domainOf } from "../../mail/address.ts";
import type { Envelope, Recipient } from "../../mail/envelope.ts";
import { scanHeader } from "../../wire/mime/header-scan.ts";
import { bulkSenderRefusal } from "../internet/bulk-sender-rules.ts";
import { checkAuthentication, isCheckable, uncheckable } from "../internet/check-authentication.ts";
import type { Authentication, Delivery, SandboxMessage } from "../messages/message.ts";
import { summarise } from "../messages/summary.ts";
import { isAcceptedDomain } from "../tenant/directory.ts";
import { mxHostOf, outboundAddresses, outboundNames, type SendingHost } from "../world/hosts.ts";
import { composeNdr, type NdrRecipient } from "./compose-ndr.ts";
import { unverifiedText } from "../texts/unverified-replies.ts";
import { askedBounce, fullMailbox, unknownDomain, unknownRecipient } from "./fate.ts";
import type { Later } from "./later.ts";
import type { RoomVerdict } from "./post.ts";
import type { PostSurroundings } from "./post-office.ts";
import { readHead } from "./read-head.ts";
import { outgoingReversePath } from "./reverse-path.ts";
import { sendBySmtp } from "./send-by-smtp.ts";
import { signMessage } from "./sign-message.ts";

/** Above so many deliveries that wait, what leaves is no longer checked: a flood must not take seconds a message. */
const mostChecked = 200;
const mostSending = 100;

/** What all recipients of a message have in common. */
interface OnTheWay {
  readonly author: string;
  readonly mailFrom: string;
  /** When it is counted. */
  readonly at: number;
  readonly obstacle: string | null;
  readonly countedForTenant: boolean;
  readonly check: () => Promise<Authentication | null>;
}

/**
 * Carries one message to its ends: finds what stands in each recipient's way, lets the outside receiver check what leaves, writes down what came
 * of it, and tells the sender where he must be told.
 */
export class Carrier {
  readonly #house: PostSurroundings;
  readonly #later: Later;
  readonly #fault: (error: unknown) => void;
  /** Notifications that are on their way by SMTP. */
  #sending = 0;

  constructor(house: PostSurroundings, later: Later, fault: (error: unknown) => void) {
    this.#house = house;
    this.#later = later;
    this.#fault = fault;
  }

  /** What is known when the message is taken. */
  queued(envelope: Envelope): readonly Delivery[] {
    const tenant = this.#house.tenant.current;
    return envelope.recipients.map(({ address }) => ({
      recipient: address,
      to: isAcceptedDomain(tenant, domainOf(address)) ? "mailbox" : "internet",
      status: "queued",
      address: null,
      mailFrom: envelope.reversePath ?? "",
      authentication: null,
      reason: null,
    }));
  }

  async carry(message: SandboxMessage, envelope: Envelope, { obstacle = null, countedForTenant = false }: RoomVerdict = {}): Promise<void> {
    const head = await readHead(this.#house.messages, message);
    // It was cleared away meanwhile.
    if (head === null) return;
    const author = domainOf(scanHeader(head, false).authors[0] ?? "");
    const mailFrom = outgoingReversePath(this.#house.tenant.current, message.service, envelope.reversePath ?? "", author);
    let checked: Promise<Authentication | null> | null = null;
    const at = this.#house.usage.momentOf(Date.parse(message.delayedUntil ?? message.receivedAt));
    const deliveries: Delivery[] = [];
    const check = (): Promise<Authentication | null> => (checked ??= this.#check(message, mailFrom));
    for (const recipient of envelope.recipients)
      deliveries.push(await this.#deliver(message, recipient, { author, mailFrom, at, obstacle, countedForTenant, check }));
    this.#house.messages.amend(message.id, { deliveries });
    await this.#tell(message, envelope, deliveries, head);
  }

  async #deliver(
    message: SandboxMessage,
    { address }: Recipient,
    { author, mailFrom, at, obstacle, countedForTenant, check }: OnTheWay,
  ): Promise<Delivery> {
    const { tenant, options, recipientLimits, tenantLimits, edge } = this.#house;
    const { service } = message;
    const base = { recipient: address, address: null, authentication: null, reason: null } as const;
    if (obstacle !== null) return { ...base, to: "nowhere", status: "bounced", mailFrom, reason: obstacle };
    const asked = askedBounce(address);
    if (isAcceptedDomain(tenant.current, domainOf(address)) || service === "internet-mx") {
      const inTenant = service !== "tenant-mx" && service !== "internet-mx";
      // An MX has asked its limits at RCPT, and counted.
      const limit = inTenant ? recipientLimits.check(message.mailFrom, address, at) : null;
      const reason =
        asked ??
        unknownRecipient(tenant.current, address) ??
        fullMailbox(tenant.current, address, unverifiedText(options.rooms.replies, "mailbox-full")) ??
        (limit === null ? null : `${limit.code} ${limit.lines.join(" ")}`);
      if (reason === null && inTenant) recipientLimits.count(message.mailFrom, address, at);
      return { ...base, to: "mailbox", status: reason === null ? "delivered" : "bounced", mailFrom: message.mailFrom, reason };
    }
    // ACS, HVE, SendGrid and one's own server do not count to the tenant's limits.
    const counts = (service === "smtp-auth" || service === "tenant-mx") && !countedForTenant;
    const quota = counts ? tenantLimits.take(message.mailFrom, 1, at, address) : null;
    if (quota !== null) return { ...base, to: "nowhere", status: "bounced", mailFrom, reason: quota };
    const leaves = { ...base, to: "internet", mailFrom, address: outboundAddresses[service as SendingHost] } as const;
    const stopped = asked ?? unknownDomain(options.internet.domains, address);
    if (stopped !== null) return { ...leaves, status: "bounced", reason: stopped };
    const authentication = await check();
    const refused =
      edge.state.bulkSenderRules === true && authentication !== null ? bulkSenderRefusal(domainOf(address), author, authentication) : null;
    return { ...leaves, status: refused === null ? "delivered" : "bounced", authentication, reason: refused };
  }

  /** As the outside receiver sees it: from the service's own address. */
  async #check(message: SandboxMessage, mailFrom: string): Promise<Authentication | null> {
    if (this.#later.waiting > mostChecked) return null;
    const { dns, messages, keys, tenant } = this.#house;
    const { service } = message;
    const content = await messages.content(message);
    if (content === null) return null;
    const arrival = { address: outboundAddresses[service as SendingHost], hello: outboundNames[service as SendingHost], mailFrom };
    const head = await readHead(messages, message);
    if (head === null || !isCheckable(head)) {
      content.destroy();
      return head === null ? null : uncheckable;
    }
    if (service !== "tenant-mx") return await checkAuthentication(dns, content, arrival);
    // What a connector took is kept as it came; the copy that leaves is signed.
    const signature = await signMessage(keys, tenant.current, service, head, content);
    const again = await messages.content(message);
    if (again === null) return null;
    return await checkAuthentication(dns, Readable.from(withPrefix(Buffer.from(signature), again)), arrival);
  }

  async #tell(message: SandboxMessage, envelope: Envelope, deliveries: readonly Delivery[], head: Buffer): Promise<void> {
    const { service } = message;
    // ACS and SendGrid tell by events and lists, not by mail. RFC 5321 §4.5.5: nobody is told about a notification.
    if (service === "acs-smtp" || service === "sendgrid-smtp" || envelope.reversePath === null) return;
    const { options, tenant, clock } = this.#house;
    const told = envelope.recipients.flatMap((recipient, at): NdrRecipient[] => {
      const delivery = deliveries[at];
      if (delivery === undefined) return [];
      const failed = delivery.status === "bounced";
      // RFC 3461 §4.1: without NOTIFY failures are told.
      if (!(failed ? (recipient.notify?.failure ?? true) : recipient.notify?.success === true)) return [];
      const action = failed ? "failed" : delivery.to === "internet" ? "relayed" : "delivered";
      const remoteMta = delivery.to === "internet" ? `mx.${domainOf(recipient.address)}` : null;
      return [{ address: recipient.address, orcpt: recipient.orcpt ?? null, action, reason: delivery.reason, remoteMta }];
    });
    if (told.length === 0) return;
    const domain = service === "internet-mx" ? (options.internet.domains[0] ?? "") : (tenant.current.domains[0]?.name ?? "");
    const hostname =
      service === "internet-mx" ? `mx.${domain}` : service === "on-premises" ? outboundNames["on-premises"] : mxHostOf(domain);
    const text = composeNdr({
      to: envelope.reversePath,
      domain,
      hostname,
      date: clock.now(),
      arrivalDate: Date.parse(message.receivedAt),
      subject: message.subject,
      messageId: message.messageId,
      envid: envelope.envid ?? null,
      recipients: told,
      head,
    });
    await this.#send(service, envelope.reversePath, text);
  }

  /** A notification goes its own way: really by SMTP, into a mailbox, or to the outside world. */
  async #send(service: string, to: string, text: Buffer): Promise<void> {
    const { options, tenant, messages, clock } = this.#house;
    const domain = domainOf(to);
    const relay = options.internet.relays[domain];
    if (relay !== undefined) {
      // Not waited for: a server that is down must not hold up the post. It ends with the sandbox.
      if (this.#sending >= mostSending) return this.#fault(new Error(`${mostSending} notifications are on their way already`));
      this.#sending++;
      sendBySmtp(relay, to, text, this.#later.signal)
        .catch(this.#fault)
        .finally(() => this.#sending--);
      return;
    }
    const inside = isAcceptedDomain(tenant.current, domain);
    if (!inside && !options.internet.domains.includes(domain)) return;
    const writer = messages.writer();
    await writer.write(text);
    await messages.keep(writer, {
      service: inside && service === "internet-mx" ? "tenant-mx" : inside ? service : "internet-mx",
      mailFrom: "",
      rcptTo: [to],
      ...summarise(text),
      receivedAt: new Date(clock.now()).toISOString(),
      verdict: "accepted",
      client: { address: "127.0.0.1", hello: mxHostOf(tenant.current.domains[0]?.name ?? ""), tls: null },
    });
  }
}

async function* withPrefix(prefix: Buffer, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield prefix;
  yield* content;
}
