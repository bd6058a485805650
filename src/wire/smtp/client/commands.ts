import type { Envelope, Notify, Recipient } from "../../../mail/envelope.ts";
import { encodeXtext } from "../xtext.ts";
import type { Capabilities } from "./capabilities.ts";

/** What MAIL tells besides the reverse-path. */
export interface MailFacts {
  /** Bytes of the content. */
  readonly size: number;
  readonly eightBit: boolean;
  /** Addresses or header need SMTPUTF8. */
  readonly smtputf8: boolean;
}

/** MAIL with the parameters that the server offered to understand (RFC 5321 §4.1.1.11: no others may be sent), without line end. */
export function formatMail(envelope: Envelope, facts: MailFacts, offered: Capabilities): string {
  let line = `MAIL FROM:<${envelope.reversePath ?? ""}>`;
  if (offered.size) line += ` SIZE=${facts.size}`;
  if (offered.eightBitMime && facts.eightBit) line += " BODY=8BITMIME";
  if (offered.smtputf8 && facts.smtputf8) line += " SMTPUTF8";
  if (offered.dsn) {
    if (envelope.ret !== undefined) line += ` RET=${envelope.ret}`;
    if (envelope.envid !== undefined) line += ` ENVID=${encodeXtext(envelope.envid)}`;
  }
  return line;
}

/** RCPT with what was asked for notifications, where the server knows DSN; without line end. */
export function formatRcpt(recipient: Recipient, offered: Capabilities): string {
  let line = `RCPT TO:<${recipient.address}>`;
  if (offered.dsn) {
    if (recipient.notify !== undefined) line += ` NOTIFY=${formatNotify(recipient.notify)}`;
    if (recipient.orcpt !== undefined) line += ` ORCPT=${encodeOrcpt(recipient.orcpt)}`;
  }
  return line;
}

function formatNotify(notify: Notify): string {
  if (notify.never || !(notify.success || notify.failure || notify.delay)) return "NEVER";
  const wishes: string[] = [];
  if (notify.success) wishes.push("SUCCESS");
  if (notify.failure) wishes.push("FAILURE");
  if (notify.delay) wishes.push("DELAY");
  return wishes.join(",");
}

/** RFC 3461 §4.2: the address type is an atom before the `;`, only the address is xtext. */
function encodeOrcpt(orcpt: string): string {
  const at = orcpt.indexOf(";");
  if (at < 0) return `rfc822;${encodeXtext(orcpt)}`;
  return `${encodeXtext(orcpt.slice(0, at))};${encodeXtext(orcpt.slice(at + 1))}`;
}

// eslint-disable-next-line no-control-regex
const doubtful = /[\x00-\x20"<>\\\x7f]/;
// RFC 5321 §4.1.2: Quoted-string; RFC 6531 §3.3 adds what is beyond ASCII.
const quoted = /^"(?:[ !#-[\]-~\u0080-\u{10ffff}]|\\[ -~])*"@[^\x00-\x20"<>\\\x7f]+$/u;

/**
 * Whether the address can be put between angle brackets without changing what the command means. Addresses were parsed at the door; this
 * is the last fence against a line end or a `>` that came by another way.
 */
export function isSafePath(address: string): boolean {
  return !doubtful.test(address) || quoted.test(address);
}

export function isAscii(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[^\x00-\x7f]/.test(text);
}
