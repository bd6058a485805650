import addressparser from "nodemailer/lib/addressparser";
import { decodeEightBit } from "./eight-bit.ts";

/** The mailboxes of an address-list field. `certain`: another reader can hardly find others in it. */
export interface Mailboxes {
  /** Bare `local@domain`, in order, each once. */
  readonly addresses: readonly string[];
  readonly certain: boolean;
}

/** RFC 5322 §3.4.1 without quotes, comments or literals: nearly every From field there is. Each alternative is linear. */
const plain = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+$/;
const named = /^(?:"[A-Za-z0-9 .,'_&+/()-]*" *|[A-Za-z0-9 .'_&+/-]*)<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+)>$/;

const maxLength = 32 * 1024;

/**
 * Reads the value of a From or Sender field (one-byte characters, folds and all). Never throws; linear.
 *
 * The usual forms are matched directly. The others go to nodemailer's parser, whose answer is checked against a reading of our own: every
 * `@` outside of quoted strings and comments must belong to an address it found. If one does not, its surroundings count as an address too
 * (`director@a.example <printer@a.example>` gives both), and where that is not possible the value is not certain.
 */
export function parseMailboxes(raw: string): Mailboxes {
  if (raw.length > maxLength) return { addresses: [], certain: false };
  const value = raw.trim();
  if (plain.test(value)) return { addresses: [value], certain: true };
  const address = named.exec(value)?.[1];
  if (address !== undefined) return { addresses: [address], certain: true };
  return parseOddMailboxes(value);
}

function parseOddMailboxes(raw: string): Mailboxes {
  // RFC 5322 §2.2.3: unfolding removes the line end and nothing else.
  const unfolded = raw.replace(/\r\n(?=[ \t])/g, "");
  const value = decodeEightBit(unfolded);
  // RFC 6532 §3.1: 8-bit means UTF-8. Other charsets are common in names; in an address nobody can say what they mean.
  const utf8 = value !== unfolded;
  const skeleton = withoutQuotesAndComments(value);
  let certain = skeleton !== null && !/[\p{Cc}\p{Cf}\\]/u.test(value.replace(/\t/g, " ").replace(/\\[\\"()]/g, ""));
  const found = new Map<string, string>();
  let entries = 0;
  for (const entry of addressparser(value, { flatten: true })) {
    if (entry.address === "") continue;
    entries++;
    // A local part with white space or a second @ would be legal in quotes; nobody uses it but to deceive.
    if (!/^[^\s@<>"\\,;:()\ufffd]+@(?:[^\s@<>"\\,;:()[\]\ufffd]+|\[[^\s@\]]+\])$/.test(entry.address)) certain = false;
    if (!utf8 && /[\x80-\uffff]/.test(entry.address)) certain = false;
    found.set(entry.address.toLowerCase(), entry.address);
  }
  const text = skeleton ?? value;
  if (count(text, "@") !== entries) {
    const more = findAddresses(text);
    for (const address of more) if (!found.has(address.toLowerCase())) found.set(address.toLowerCase(), address);
    if (more.length !== count(text, "@")) certain = false;
  }
  return { addresses: [...found.values()], certain: certain && found.size > 0 };
}

/** The value with each quoted string and comment (RFC 5322 §3.2.4, §3.2.2) replaced by a space; null when one does not end. */
function withoutQuotesAndComments(value: string): string | null {
  let out = "";
  let kept = 0;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const char = value.charCodeAt(at);
    if (char === 0x5c) at++;
    else if (quoted) {
      if (char !== 0x22) continue;
      quoted = false;
      kept = at + 1;
    } else if (depth > 0) {
      if (char === 0x28) depth++;
      else if (char === 0x29 && --depth === 0) kept = at + 1;
    } else if (char === 0x22 || char === 0x28) {
      out += `${value.slice(kept, at)} `;
      if (char === 0x22) quoted = true;
      else depth = 1;
    } else if (char === 0x29) return null;
  }
  return quoted || depth > 0 ? null : out + value.slice(kept);
}

const delimiter = /[\s<>,;:()"@\\]/;

/** What stands around each `@`, up to the next delimiters. Each character is looked at twice at most. */
function findAddresses(text: string): readonly string[] {
  const addresses: string[] = [];
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    let start = at;
    while (start > 0 && !delimiter.test(text.charAt(start - 1))) start--;
    let end = at + 1;
    while (end < text.length && !delimiter.test(text.charAt(end))) end++;
    if (start < at && end > at + 1) addresses.push(text.slice(start, end));
  }
  return addresses;
}

function count(text: string, char: string): number {
  let n = 0;
  for (let at = text.indexOf(char); at >= 0; at = text.indexOf(char, at + 1)) n++;
  return n;
}
