import type { Envelope } from "../../mail/envelope.ts";
import { receivedField } from "../../wire/smtp/received.ts";
import type { SandboxClock } from "../clock/sandbox-clock.ts";
import type { WorldDns } from "../dns/world-dns.ts";
import type { Edge } from "../exo/edge.ts";
import { checkAuthentication, isCheckable, uncheckable } from "../internet/check-authentication.ts";
import type { SandboxMessage } from "../messages/message.ts";
import type { MessageStore } from "../messages/message-store.ts";
import type { MessageWriter } from "../messages/message-writer.ts";
import { summarise } from "../messages/summary.ts";
import type { SandboxOptions } from "../options.ts";
import { findMailbox } from "../tenant/directory.ts";
import type { TenantStore } from "../tenant/tenant-store.ts";
import type { RecipientLimits } from "../usage/recipient-limits.ts";
import type { TenantLimits } from "../usage/tenant-limits.ts";
import type { Usage } from "../usage/usage.ts";
import { outsideAddress } from "../world/hosts.ts";
import type { SigningKeys } from "../world/signing-keys.ts";
import { Carrier } from "./carrier.ts";
import { askedBounce } from "./fate.ts";
import { readHead } from "./read-head.ts";
import { Later } from "./later.ts";
import type { Post, RoomVerdict, TakenMessage } from "./post.ts";
import { signMessage } from "./sign-message.ts";

export interface PostSurroundings {
  readonly options: SandboxOptions;
  readonly tenant: TenantStore;
  readonly clock: SandboxClock;
  readonly messages: MessageStore;
  readonly dns: WorldDns;
  readonly keys: SigningKeys;
  readonly edge: Edge;
  readonly usage: Usage;
  readonly recipientLimits: RecipientLimits;
  readonly tenantLimits: TenantLimits;
}

/** The post of the sandbox: takes and keeps at once, carries on afterwards (carrier.ts). */
export class PostOffice implements Post, AsyncDisposable {
  readonly #house: PostSurroundings;
  readonly #later: Later;
  readonly #carrier: Carrier;

  constructor(house: PostSurroundings) {
    this.#house = house;
    this.#later = new Later(this.#fault);
    this.#carrier = new Carrier(house, this.#later, this.#fault);
  }

  async take(message: TakenMessage, content: MessageWriter): Promise<SandboxMessage> {
    const { service, account, envelope, client, hostname, notBefore, categories } = message;
    const { messages, clock, tenant, keys } = this.#house;
    const id = messages.nextId();
    const received = receivedField({
      name: client.hello,
      address: client.address,
      hostname,
      protocol: `ESMTP${client.tls === null ? "" : "S"}${account === null ? "" : "A"}`,
      id,
      date: clock.now(),
      ...(client.tls === null ? {} : { tls: client.tls }),
    });
    const head = content.head();
    // A message that cannot be signed (a header section that is none) goes unsigned, as elsewhere.
    const signature = await signMessage(keys, tenant.current, service, head, content.content()).catch((error: unknown) => {
      this.#fault(error);
      return "";
    });
    const kept = await messages.keep(
      content,
      {
        service,
        mailFrom: envelope.reversePath ?? "",
        rcptTo: envelope.recipients.map(({ address }) => address),
        ...summarise(head),
        receivedAt: new Date(clock.now()).toISOString(),
        verdict: "accepted",
        client,
        ...(account === null ? {} : { account }),
        ...(notBefore === undefined ? {} : { delayedUntil: new Date(notBefore).toISOString() }),
        ...(categories === undefined ? {} : { categories }),
        deliveries: this.#carrier.queued(envelope),
      },
      Buffer.from(`${received}${signature}`),
      id,
    );
    const goOn = (): void => this.#later.deliver(() => this.#carrier.carry(kept, envelope, message));
    // A throttled mailbox's mail waits; what waits when the sandbox ends stays where it is.
    if (notBefore === undefined) goOn();
    else clock.at(notBefore, goOn);
    return kept;
  }

  carry(message: SandboxMessage, envelope: Envelope, verdict: RoomVerdict = {}): void {
    const { tenant } = this.#house;
    const relays = message.attribution?.direction === "Originating";
    // Most mail of an MX needs nothing more than to lie in its mailbox.
    const returns = (address: string) => askedBounce(address) !== null || findMailbox(tenant.current, address)?.full === true;
    if (relays || envelope.recipients.some(({ address, notify }) => notify?.success === true || returns(address)))
      this.#later.deliver(() => this.#carrier.carry(message, envelope, verdict));
    if (!relays) this.#later.check(() => this.#check(message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#later[Symbol.asyncDispose]();
  }

  async #check(message: SandboxMessage): Promise<void> {
    const { dns, messages } = this.#house;
    const [head, content] = [await readHead(messages, message), await messages.content(message)];
    // It was cleared away meanwhile.
    if (head === null || content === null) return;
    const { address, hello } = message.client;
    const arrival = { address: outsideAddress(address), hello, mailFrom: message.mailFrom };
    const authentication = isCheckable(head) ? await checkAuthentication(dns, content, arrival) : uncheckable;
    content.destroy();
    messages.amend(message.id, { authentication });
  }

  readonly #fault = (error: unknown): void => {
    if (!this.#later.signal.aborted) this.#house.options.log({ event: "sandbox.fault", where: "post", error });
  };
}
