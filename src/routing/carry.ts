import { forbiddenSender } from "../services/sender-rule.ts";
import type { Price, SenderRule } from "../services/service.ts";

/** What of a route's traits decides whether it can carry a message, what it changes, and what it costs; a subset of RouteTraits. */
export interface CarryTraits {
  readonly maxSize: number | null;
  readonly takesNullReversePath: boolean;
  readonly external: boolean;
  readonly smtputf8: boolean;
  /** Absent: it takes recipients in accepted domains. */
  readonly internal?: boolean;
  /** Whom it lets stand in MAIL FROM and From; absent: whoever. */
  readonly senderRule?: SenderRule;
  /** Address of the account or mailbox that logs in, lower case; absent: none, or not known. */
  readonly account?: string;
  /** Patterns (mail/address.ts) of addresses it may use besides the account; absent: not known. */
  readonly senders?: readonly string[];
  /** It writes the account where the sender rule would refuse; Reply-To then leads to the author. */
  readonly rewritesSender?: boolean;
  readonly maxRecipients?: number;
  readonly keepsReversePath?: boolean;
  readonly hearsBounces?: boolean;
  readonly keepsHeaders?: boolean;
  readonly savesToSentItems?: boolean;
  /** null: in the licence; absent: not known. */
  readonly price?: Price | null;
}

/** Why a route cannot carry a message. */
export type RejectionReason =
  | "unknown-route"
  | "too-large"
  | "null-reverse-path"
  | "external-recipient"
  | "internal-recipient"
  | "smtputf8"
  | "sender-not-allowed";

export interface CarryFacts {
  readonly reversePath: string | null;
  readonly authors?: readonly string[];
  readonly size: number;
  readonly smtputf8: boolean;
}

/** null: it can. `isAccepted` says whether a domain (lower case) is one of the organisation's. */
export function rejectionOf(
  traits: CarryTraits | undefined,
  facts: CarryFacts,
  internal: boolean,
  isAccepted: (domain: string) => boolean,
): RejectionReason | null {
  if (traits === undefined) return "unknown-route";
  if (traits.maxSize !== null && facts.size > traits.maxSize) return "too-large";
  if (facts.reversePath === null && !traits.takesNullReversePath) return "null-reverse-path";
  if (!internal && !traits.external) return "external-recipient";
  if (internal && traits.internal === false) return "internal-recipient";
  if (facts.smtputf8 && !traits.smtputf8) return "smtputf8";
  if (traits.rewritesSender !== true && forbiddenSender(traits, facts, isAccepted) !== null) return "sender-not-allowed";
  return null;
}
