import { matchesAddress } from "../mail/address.ts";
import type { Priority } from "../mail/priority.ts";

/**
 * Who submits: an application or device that logs in (`user`), or a trusted network (`network`) whose members need not. What it may do is
 * fenced here, so that a stolen printer password cannot impersonate the director.
 */
export interface Principal {
  /** Unique over users and networks; a network's is `net:NAME`. */
  readonly name: string;
  readonly kind: "user" | "network";
  /** Patterns of mail/address.ts for MAIL FROM; `<>` must be named to be allowed. */
  readonly reversePaths: readonly string[];
  /** Patterns for the From: and Sender: fields; absent: as `reversePaths`. */
  readonly authors?: readonly string[];
  /** Patterns for RCPT TO; absent: any. */
  readonly recipients?: readonly string[];
  /** At most so many messages in any such time, smoothed (a burst of the whole is allowed). */
  readonly rate?: { readonly messages: number; readonly perMs: number };
  readonly maxMessageSize?: number;
  readonly maxRecipients?: number;
  /** Of all its mail; absent: each message's header tells. */
  readonly priority?: Priority;
  /** The X-SMTPAPI field of its messages is obeyed and taken out (wire/sendgrid/x-smtpapi.ts). */
  readonly xsmtpapi?: boolean;
}

/** Whether one of a fence's patterns fits the address; null is the null reverse-path. */
export function permits(patterns: readonly string[], address: string | null): boolean {
  for (const pattern of patterns) if (matchesAddress(pattern, address)) return true;
  return false;
}
