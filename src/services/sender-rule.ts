import { domainOf, matchesAddress } from "../mail/address.ts";
import type { SenderRule } from "./service.ts";

/** Whom a route lets be the sender, as its service and its operator have it. */
export interface SenderTraits {
  readonly senderRule?: SenderRule;
  /** Address that logs in, lower case. */
  readonly account?: string;
  /** Patterns of mail/address.ts besides the account. */
  readonly senders?: readonly string[];
}

/**
 * The address that the route's sender rule refuses; null: none. What is not known is not refused: the service has the last word.
 *
 * Direct Send and connectors look at the reverse-path only (MS RejectDirectSend, relay rules): the From field is the readers' matter.
 */
export function forbiddenSender(
  { senderRule, account, senders }: SenderTraits,
  { reversePath, authors }: { readonly reversePath: string | null; readonly authors?: readonly string[] },
  isAccepted: (domain: string) => boolean,
): string | null {
  if (senderRule === undefined || senderRule === "any") return null;
  if (senderRule === "accepted-domain") {
    if (reversePath === null || isAccepted(domainOf(reversePath))) return null;
    return senders?.some((pattern) => matchesAddress(pattern, reversePath)) === true ? null : reversePath;
  }
  // Without a list there is nothing to hold a sender against, but for the rule that knows the account alone.
  if (senders === undefined && (account === undefined || senderRule !== "account")) return null;
  const allowed = (address: string): boolean =>
    address.toLowerCase() === account ||
    (senderRule !== "account" && senders?.some((pattern) => matchesAddress(pattern, address)) === true);
  if (reversePath !== null && !allowed(reversePath)) return reversePath;
  for (const author of authors ?? []) if (!allowed(author)) return author;
  return null;
}
