import { BlockList, isIP } from "node:net";
import { domainOf } from "../../mail/address.ts";
import { formatDate } from "../../wire/mime/date.ts";
import type { Reply } from "../../mail/reply.ts";
import type { Answer, Credentials, RcptCommand } from "../../wire/smtp/server/handler.ts";
import { exchangeReplies } from "../exo/exchange-replies.ts";
import { queuedReply } from "../exo/client-submission.ts";
import type { House } from "../house.ts";
import type { ArrivedMessage, MakeRoom, RoomClient, RoomSession, Taken } from "../smtp/room.ts";
import { equalSecrets } from "../entra/equal-secrets.ts";
import { RoomTexts } from "../texts/room-texts.ts";
import { isAcceptedDomain } from "../tenant/directory.ts";
import { parseCidr } from "../../lib/cidr.ts";

/**
 * An Exchange server on premises, as smart host: takes mail for the organisation's domains from anybody, and for the rest of the world from
 * allowed addresses (an `Anonymous Relay` Receive connector) and from whoever logs in.
 *
 * MS "Allow anonymous relay on Exchange servers" (read 2026-11-21). Unverified: the order and the X- names in EHLO, the connector's defaults.
 * It offers PLAIN beside LOGIN, which Exchange does not, because other smart hosts do.
 */
export const onPremises: MakeRoom = (house) => {
  const hostname = `mail.${house.tenant.current.domains[0]?.name ?? "tenant.example"}`;
  const { maxMessageSize, relayFrom } = house.options.rooms.onPremises;
  const texts = new RoomTexts(house, hostname);
  const relays = new BlockList();
  for (const network of relayFrom) {
    const cidr = parseCidr(network);
    if (cidr !== null) relays.addSubnet(cidr.address, cidr.prefix, cidr.family);
  }
  const tooLarge = texts.unverified("on-premises-too-large");
  return {
    service: "on-premises",
    port: "onPremises",
    environmentName: "SANDBOX_ON_PREMISES",
    session: (client) => ({
      hostname,
      greeting: `Microsoft ESMTP MAIL Service ready at ${formatDate(house.clock.now())}`,
      helloText: () => `Hello [${client.address}]`,
      startTls: true,
      auth: ["LOGIN", "PLAIN"],
      maxMessageSize,
      maxRecipients: 5000,
      ehloKeywords: onPremisesKeywords,
      replies: {
        ...exchangeReplies,
        authOk: { code: 235, lines: ["2.7.0 Authentication successful"] },
        authUnknown: { code: 504, lines: ["5.7.4 Unrecognized authentication type"] },
        tooLarge,
      },
    }),
    open: (client) => new OnPremisesSession(house, texts, hostname, relays, client),
  };
};

class OnPremisesSession implements RoomSession {
  readonly #house: House;
  readonly #texts: RoomTexts;
  readonly #hostname: string;
  readonly #relays: BlockList;
  readonly #client: RoomClient;
  #user: string | null = null;

  constructor(house: House, texts: RoomTexts, hostname: string, relays: BlockList, client: RoomClient) {
    this.#house = house;
    this.#texts = texts;
    this.#hostname = hostname;
    this.#relays = relays;
    this.#client = client;
  }

  authenticate(credentials: Credentials): Answer {
    const { users } = this.#house.options.rooms.onPremises;
    const user = users.find(({ name }) => name.toLowerCase() === credentials.user.toLowerCase());
    if (credentials.mechanism === "XOAUTH2" || user === undefined || !equalSecrets(credentials.password, user.password))
      return this.#texts.say("535 5.7.3 Authentication unsuccessful");
    this.#user = user.name;
    return null;
  }

  rcpt({ address }: RcptCommand, before: readonly string[]): Answer {
    if (before.length >= this.#house.options.rooms.onPremises.maxRecipients)
      return this.#texts.unverified("on-premises-too-many-recipients");
    const domain = domainOf(address);
    // RFC 5321 §4.5.1: postmaster without a domain is always taken.
    if (domain === "" && address.toLowerCase() === "postmaster") return null;
    if (this.#user !== null || this.#mayRelay() || isAcceptedDomain(this.#house.tenant.current, domain)) return null;
    return this.#texts.say("550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain");
  }

  async take({ envelope, content, client }: ArrivedMessage): Promise<Taken | Reply> {
    const kept = await this.#house.post.take(
      { service: "on-premises", account: this.#user, envelope, client, hostname: this.#hostname },
      content,
    );
    return { id: kept.id, reply: queuedReply(kept, this.#hostname) };
  }

  #mayRelay(): boolean {
    const { address } = this.#client;
    const version = isIP(address);
    return version !== 0 && this.#relays.check(address, version === 4 ? "ipv4" : "ipv6");
  }
}

/** As Exchange lists them, with names of its own that nobody but another Exchange uses (unverified). */
function onPremisesKeywords(keywords: readonly string[]): readonly string[] {
  const rank = (keyword: string): number => {
    const index = order.indexOf(keyword.split(" ", 1)[0] ?? "");
    return index < 0 ? order.length : index;
  };
  const listed = [...keywords, "X-ANONYMOUSTLS", "X-EXPS NTLM", "XRDST"];
  return listed.toSorted((a, b) => rank(a) - rank(b));
}

const order = [
  "SIZE",
  "PIPELINING",
  "DSN",
  "ENHANCEDSTATUSCODES",
  "STARTTLS",
  "X-ANONYMOUSTLS",
  "AUTH",
  "X-EXPS",
  "8BITMIME",
  "CHUNKING",
  "SMTPUTF8",
];
