import { Type, type Static } from "typebox";
import type { Reply } from "../../mail/reply.ts";

const addresses = (description: string) => Type.Optional(Type.Array(Type.String({ maxLength: 45 }), { maxItems: 10_000, description }));

/** What Microsoft's edge has against a client or a recipient, whatever the tenant says. */
export const EdgeSchema = Type.Object(
  {
    bannedAddresses: addresses("Answered 550 5.7.606 Access denied, banned sending IP."),
    listedAddresses: addresses("On a DNS blocklist: 550 5.7.1 … blocked using Spamhaus."),
    throttledAddresses: addresses("Not known yet: 451 4.7.500 Server busy."),
    wrongRegion: Type.Optional(Type.Boolean({ description: "The tenant lives in another region: 451 4.4.62 … ATTR35." })),
    bulkSenderRules: Type.Optional(
      Type.Boolean({ description: "outlook.example and gmail.example refuse what is not authenticated: 5.7.515, 5.7.26." }),
    ),
    noSubscription: Type.Optional(Type.Boolean({ description: "The tenant has no Exchange Online subscription: 451 4.4.4 … ATTR5." })),
  },
  { additionalProperties: false },
);
export type EdgeState = Static<typeof EdgeSchema>;

/** Switches of the control API; a reset turns them all off. Texts: facts file 6.5. */
export class Edge {
  #state: EdgeState = {};

  get state(): EdgeState {
    return this.#state;
  }

  set(state: EdgeState): void {
    this.#state = state;
  }

  /** At RCPT; null: nothing against it. @param host our name, as replies show it. */
  refusal(address: string, host: string): Reply | null {
    const {
      bannedAddresses = [],
      listedAddresses = [],
      throttledAddresses = [],
      wrongRegion = false,
      noSubscription = false,
    } = this.#state;
    if (bannedAddresses.includes(address))
      return {
        code: 550,
        lines: [
          `5.7.606 Access denied, banned sending IP [${address}]. To request removal from this list please visit https://sender.office.com/`,
        ],
      };
    if (listedAddresses.includes(address))
      return {
        code: 550,
        lines: [
          `5.7.1 Service unavailable, Client host [${address}] blocked using Spamhaus. To request removal from this list see ` +
            `https://www.spamhaus.org/query/ip/${address} (AS3130)`,
        ],
      };
    if (throttledAddresses.includes(address))
      return { code: 451, lines: [`4.7.500 Server busy. Please try again later from [${address}]. (AS77713)`] };
    if (wrongRegion)
      return {
        code: 451,
        lines: [
          "4.4.62 Mail sent to the wrong Office 365 region. ATTR35. For more information please go to " +
            `https://go.microsoft.com/fwlink/?linkid=865268 [${host}]`,
        ],
      };
    if (noSubscription)
      return {
        code: 451,
        lines: [
          "4.4.4 Mail received as unauthenticated, incoming to a recipient domain configured in a hosted tenant which has no mail-enabled " +
            "subscriptions. ATTR5",
        ],
      };
    return null;
  }
}
