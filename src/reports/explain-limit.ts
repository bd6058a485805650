import { formatDuration } from "../lib/units.ts";
import { cleanText } from "../wire/dsn/fields.ts";

/** What is told of a limit: its numbers at the moment when it bound. */
export interface LimitFacts {
  readonly id: string;
  readonly counted: string;
  readonly amount: number;
  readonly used: number;
  /** ms; 0: at a time. */
  readonly windowMs: number;
}

/** `30 of 30 in 1m used (smtp-auth.messages-per-minute, mailbox scanner@contoso.example)` */
export function explainLimit({ id, counted, amount, used, windowMs }: LimitFacts): string {
  const numbers = windowMs === 0 ? `${used} of ${amount} under way` : `${used} of ${amount} in ${formatDuration(windowMs)} used`;
  return `${numbers} (${cleanText(id)}, ${cleanText(counted)})`;
}

export interface GateFacts {
  readonly priority: string;
  readonly recipients: string;
  /** ISO 8601 */
  readonly until: string;
  readonly limit: LimitFacts;
}

/** `transactional mail to external recipients waits until 2026-11-21T14:20:03Z: 30 of 30 …` */
export function explainGate({ priority, recipients, until, limit }: GateFacts): string {
  const mail = recipients === "all" ? `${priority} mail` : `${priority} mail to ${recipients} recipients`;
  return `${mail} waits until ${until}: ${explainLimit(limit)}`;
}
