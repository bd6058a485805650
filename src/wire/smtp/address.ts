import { isAddressLiteral } from "./ip-literal.ts";

/**
 * Mailboxes and paths as MAIL and RCPT carry them (RFC 5321 §4.1.2, RFC 6531 §3.3).
 *
 * Accepted: dot-strings, quoted local parts, domains of one or more labels, address literals, source routes (and ignored, RFC 5321 §C),
 * `<Postmaster>` without a domain, and UTF-8 in local part and domain; whether SMTPUTF8 was declared is the caller's to check, because
 * MAIL says so only behind the address. Addresses keep the sender's spelling. Reads each character once.
 */
export interface Path {
  /** `local@domain`; `postmaster` stands alone; null is `<>`. */
  readonly address: string | null;
  /** Where the text goes on, behind `>`. */
  readonly end: number;
  readonly utf8: boolean;
}

/** Reads `<path>` from `text` at `from`; null when it is not one. `bare`: a mailbox without brackets, up to a space, will do. */
export function parsePath(text: string, from: number, bare = false): Path | null {
  if (text.charCodeAt(from) !== open) return bare ? parseBare(text, from) : null;
  if (text.charCodeAt(from + 1) === close) return { address: null, end: from + 2, utf8: false };
  const start = skipSourceRoute(text, from + 1);
  if (start < 0) return null;
  const end = endOfMailbox(text, start);
  if (text.charCodeAt(end) !== close) return null;
  // RFC 5321 §4.5.3.1.3: a path is 256 octets at most, brackets included; in SMTPUTF8 too these are octets (RFC 6531 §3.3).
  return toPath(text.slice(start, end), end + 1, 254);
}

/** Whether the text is a mailbox `local@domain`; UTF-8 only when `utf8` says so. */
export function isMailbox(text: string, utf8 = false): boolean {
  const path = endOfMailbox(text, 0) === text.length ? toPath(text, 0, 254) : null;
  return path !== null && path.address !== "postmaster" && (utf8 || !path.utf8) && text.includes("@");
}

/** Whether the text is a domain of LDH labels (RFC 5321 §4.1.2), or, with `utf8`, of U-labels too (RFC 6531 §3.3). */
export function isDomain(text: string, utf8 = false): boolean {
  return text.length <= 255 && (asciiDomain.test(text) || (utf8 && utf8Domain.test(text))) && !longLabel.test(text);
}

function parseBare(text: string, from: number): Path | null {
  const end = endOfMailbox(text, from);
  if (end !== text.length && text.charCodeAt(end) !== space) return null;
  return toPath(text.slice(from, end), end, 254);
}

function toPath(mailbox: string, end: number, maxOctets: number): Path | null {
  // oxlint-disable-next-line no-control-regex -- the range is ASCII
  const utf8 = !/^[\u0000-\u007f]*$/.test(mailbox);
  if ((utf8 ? Buffer.byteLength(mailbox) : mailbox.length) > maxOctets) return null;
  const at = mailbox.lastIndexOf("@");
  if (at < 0) {
    // RFC 5321 §4.5.1: "Postmaster" without a domain is always understood, in any case.
    return mailbox.toLowerCase() === "postmaster" ? { address: mailbox, end, utf8 } : null;
  }
  const local = mailbox.slice(0, at);
  const domain = mailbox.slice(at + 1);
  // RFC 5321 §4.5.3.1.1 and §4.5.3.1.2: 64 octets of local part, 255 of domain.
  if ((utf8 ? Buffer.byteLength(local) : local.length) > 64) return null;
  if (!(local.charCodeAt(0) === quote ? quotedString.test(local) : dotString.test(local))) return null;
  if (domain.charCodeAt(0) === bracket) {
    if (!domain.endsWith("]") || !isAddressLiteral(domain.slice(1, -1))) return null;
  } else if (!isDomain(domain, utf8)) return null;
  return { address: mailbox, end, utf8 };
}

/** RFC 5321 §4.1.1.3: `@one,@two:` before a mailbox is accepted and dropped. Gives where the mailbox begins, or -1. */
function skipSourceRoute(text: string, from: number): number {
  let at = from;
  if (text.charCodeAt(at) !== atSign) return at;
  for (;;) {
    if (text.charCodeAt(at) !== atSign) return -1;
    const start = ++at;
    while (at < text.length && text.charCodeAt(at) !== comma && text.charCodeAt(at) !== colon && text.charCodeAt(at) !== close) at++;
    if (!isDomain(text.slice(start, at), true)) return -1;
    const next = text.charCodeAt(at++);
    if (next === colon) return at;
    if (next !== comma) return -1;
  }
}

/** The end of the mailbox that begins at `from`: the first `>` or space outside quotes, or the end of the text. */
function endOfMailbox(text: string, from: number): number {
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (quoted) {
      if (char === backslash) i++;
      else if (char === quote) quoted = false;
    } else if (char === quote) quoted = true;
    else if (char === close || char === space) return i;
  }
  return text.length;
}

// RFC 5321 §4.1.2 Atom and QcontentSMTP, with UTF8-non-ascii as RFC 6531 §3.3 adds it. Controls beyond ASCII stay out.
const atext = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u{a0}-\\u{10ffff}-]";
const dotString = new RegExp(`^${atext}+(?:\\.${atext}+)*$`, "u");
const quotedString = /^"(?:[ !#-[\]-~\u{a0}-\u{10ffff}]|\\[ -~])*"$/u;
const label = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const asciiDomain = new RegExp(`^${label}(?:\\.${label})*$`);
const utf8Label = "[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}\\u200c\\u200d\\u00b7\\u30fb-]*[\\p{L}\\p{M}\\p{N}])?";
const utf8Domain = new RegExp(`^${utf8Label}(?:\\.${utf8Label})*$`, "u");
// RFC 1035 §2.3.4: a label has 63 octets at most.
const longLabel = /[^.]{64}/;

const open = 0x3c;
const close = 0x3e;
const space = 0x20;
const quote = 0x22;
const backslash = 0x5c;
const bracket = 0x5b;
const atSign = 0x40;
const comma = 0x2c;
const colon = 0x3a;
