import { domainOf } from "../../mail/address.ts";
import type { Envelope } from "../../mail/envelope.ts";
import { receivedField } from "../../wire/smtp/received.ts";
import type { SandboxClock } from "../clock/sandbox-clock.ts";
import type { Delivery, SandboxMessage } from "../messages/message.ts";
import type { MessageStore } from "../messages/message-store.ts";
import type { MessageWriter } from "../messages/message-writer.ts";
import { summarise } from "../messages/summary.ts";
import { isAcceptedDomain } from "../tenant/directory.ts";
import type { TenantStore } from "../tenant/tenant-store.ts";
import type { Post, TakenMessage } from "./post.ts";

/** The post of the sandbox. */
export class PostOffice implements Post {
  readonly #tenant: TenantStore;
  readonly #clock: SandboxClock;
  readonly #messages: MessageStore;

  constructor(tenant: TenantStore, clock: SandboxClock, messages: MessageStore) {
    this.#tenant = tenant;
    this.#clock = clock;
    this.#messages = messages;
  }

  async take(message: TakenMessage, content: MessageWriter): Promise<SandboxMessage> {
    const { service, account, envelope, client, hostname, notBefore, categories } = message;
    const id = this.#messages.nextId();
    const received = receivedField({
      name: client.hello,
      address: client.address,
      hostname,
      protocol: `ESMTP${client.tls === null ? "" : "S"}${account === null ? "" : "A"}`,
      id,
      date: this.#clock.now(),
      ...(client.tls === null ? {} : { tls: client.tls }),
    });
    const rcptTo = envelope.recipients.map(({ address }) => address);
    return await this.#messages.keep(
      content,
      {
        service,
        mailFrom: envelope.reversePath ?? "",
        rcptTo,
        ...summarise(content.head()),
        receivedAt: new Date(this.#clock.now()).toISOString(),
        verdict: "accepted",
        client,
        ...(account === null ? {} : { account }),
        ...(notBefore === undefined ? {} : { delayedUntil: new Date(notBefore).toISOString() }),
        ...(categories === undefined ? {} : { categories }),
        deliveries: rcptTo.map((recipient) => this.#delivery(recipient, envelope.reversePath ?? "")),
      },
      Buffer.from(received),
      id,
    );
  }

  carry(_message: SandboxMessage, _envelope: Envelope): void {}

  #delivery(recipient: string, mailFrom: string): Delivery {
    const internal = isAcceptedDomain(this.#tenant.current, domainOf(recipient));
    return {
      recipient,
      to: internal ? "mailbox" : "internet",
      status: "delivered",
      address: null,
      mailFrom,
      authentication: null,
      reason: null,
    };
  }
}
