import type { Recipient } from "../mail/envelope.ts";
import type { DsnKind } from "../queue/dsn-composer.ts";

/** Whether the sender wants to be told this about `recipient`, or is told by default. */
export function wantsDsn(kind: DsnKind, recipient: Pick<Recipient, "notify">, reversePath: string | null): boolean {
  // RFC 5321 §4.5.5, RFC 3464 §2: never about a message with the null reverse-path, or two systems would answer each other for ever.
  if (reversePath === null) return false;
  const { notify } = recipient;
  switch (kind) {
    // RFC 3461 §4.1: without NOTIFY failures are told, and delays may be.
    case "failure":
      return notify === undefined || (notify.failure && !notify.never);
    case "delay":
      return notify === undefined || (notify.delay && !notify.never);
    // RFC 3461 §5.2.2: relayed to a next hop that cannot notify: only for who asked for success.
    case "relayed":
    // RFC 3461 §4.1: delivered, as another server reports: for who asked for success.
    case "delivered":
      return notify !== undefined && notify.success && !notify.never;
    default:
      return kind satisfies never;
  }
}
