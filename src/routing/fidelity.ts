import { forbiddenSender } from "../services/sender-rule.ts";
import type { CarryTraits } from "./carry.ts";

/**
 * Fidelity: what a route would change about a message, or add to it, in the eyes of its readers. Pure; nothing is sent.
 *
 * The list is what the route's traits promise, not what a service does besides in silence: footers of transport rules, tracking of links.
 */
export interface Change {
  readonly what: ChangeKind;
  /** As it is; null: there is none, or it is not one value. */
  readonly from: string | null;
  /** As it would be; null: gone, or not known. */
  readonly to: string | null;
  /** One sentence. */
  readonly text: string;
}

export type ChangeKind = "from" | "reply-to" | "return-path" | "headers" | "attachments" | "sent-items" | "recipients";

export interface FidelityFacts {
  readonly reversePath: string | null;
  /** Addresses in From; absent or empty: not known. */
  readonly authors?: readonly string[];
  /** The Reply-To field as it stands; null: there is none; absent: not known. */
  readonly replyTo?: string | null;
  readonly size: number;
  /** Recipients of the message that would take this route. */
  readonly recipients?: number;
}

/** Whom readers will see in From, lower case; null: not known. */
export function visibleSender(traits: CarryTraits, facts: FidelityFacts, isAccepted: (domain: string) => boolean): string | null {
  if (isRewritten(traits, facts, isAccepted)) return traits.account;
  return (facts.authors?.[0] ?? facts.reversePath)?.toLowerCase() ?? null;
}

/** Whether the route writes its account in place of the sender, because the service would refuse that one. */
export function isRewritten<Traits extends CarryTraits>(
  traits: Traits,
  facts: FidelityFacts,
  isAccepted: (domain: string) => boolean,
): traits is Traits & { readonly account: string } {
  return traits.rewritesSender === true && traits.account !== undefined && forbiddenSender(traits, facts, isAccepted) !== null;
}

export function changesBy(traits: CarryTraits, facts: FidelityFacts, isAccepted: (domain: string) => boolean): readonly Change[] {
  const changes: Change[] = [];
  const { reversePath, replyTo } = facts;
  const { account, maxSize, maxRecipients } = traits;
  // Without a From field we write one ourselves with the reverse-path.
  const author = facts.authors?.[0] ?? reversePath;
  const shown = isRewritten(traits, facts, isAccepted) ? traits.account : null;
  if (shown !== null && author !== null && author.toLowerCase() !== shown) {
    changes.push({ what: "from", from: author, to: shown, text: `From ${author} becomes ${shown}.` });
    if (replyTo === null)
      changes.push({ what: "reply-to", from: null, to: author, text: `Reply-To is added, so that answers go to ${author}.` });
  }
  if (reversePath !== null) {
    if (shown !== null && reversePath.toLowerCase() !== shown) {
      changes.push({
        what: "return-path",
        from: reversePath,
        to: shown,
        text: `The return path ${reversePath} becomes ${shown}: notifications of the next hops go there.`,
      });
    } else if (traits.keepsReversePath === false && traits.rewritesSender !== true)
      changes.push({
        what: "return-path",
        from: reversePath,
        to: null,
        text:
          traits.hearsBounces === true
            ? `The return path ${reversePath} becomes a bounce address, if the domain in From has a bounce domain: what later hops return comes back here and is told to ${reversePath}.`
            : `The return path ${reversePath} becomes one of the service: notifications of later hops go there.`,
      });
  }
  // What a rewriting route changes about fields is told above; of a message that needs no rewriting it changes nothing.
  if (traits.keepsHeaders === false && traits.rewritesSender !== true)
    changes.push({ what: "headers", from: null, to: null, text: "Header fields that the service does not know are lost." });
  if (maxSize !== null && facts.size > maxSize)
    changes.push({
      what: "attachments",
      from: String(facts.size),
      to: String(maxSize),
      text: `It is too large: ${facts.size} bytes, and the route takes ${maxSize}; attachments would have to go.`,
    });
  if (maxRecipients !== undefined && (facts.recipients ?? 1) > maxRecipients) {
    const transactions = Math.ceil((facts.recipients ?? 1) / maxRecipients);
    changes.push({
      what: "recipients",
      from: String(facts.recipients),
      to: String(maxRecipients),
      text: `It goes in ${transactions} transactions: the route takes ${maxRecipients} recipients in one.`,
    });
  }
  if (traits.savesToSentItems === true)
    changes.push({
      what: "sent-items",
      from: null,
      to: account ?? null,
      text: `A copy is kept in Sent Items${account === undefined ? " of the account" : ` of ${account}`}.`,
    });
  return changes;
}
