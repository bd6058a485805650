import type { FailureCode } from "./failure-codes.ts";
import type { Reply } from "./reply.ts";
import type { StatusDetail } from "./status.ts";

/** Who said no: the next hop, the network on the way to it, our own rules, or a fault of ours. */
export type FailureOrigin = "remote" | "network" | "policy" | "internal";

/** What must wait: only this recipient, the message on every route, others for the same destination, or the whole route. */
export type FailureScope = "recipient" | "message" | "destination" | "route";

/** Why something did not go through. A value, never thrown; a door throws a Refusal that carries one. */
export interface Failure {
  /** Our stable name, from the registry in failure-codes.ts. */
  readonly code: FailureCode;
  readonly permanent: boolean;
  readonly detail: StatusDetail;
  readonly origin: FailureOrigin;
  readonly scope: FailureScope;
  /** One sentence that a sender may see. Private reasons belong in the log. */
  readonly text: string;
  /** What to do about it, where the reply tells more than the code: one sentence for an administrator. */
  readonly advice?: string;
  /** The next hop's own words (RFC 3464 §2.3.6); absent when no SMTP peer spoke. */
  readonly reply?: Reply;
}
