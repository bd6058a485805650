/**
 * The header section of a letter that comes without an envelope, as programs hand it to `sendmail -t` or drop it into a folder: who it is
 * from and for is read from its fields, and what only the first system may see is taken out. Text in, text out; linear.
 *
 * Recipients decide where mail goes, so a field that two readers could read differently is a fault, never a guess (mailboxes.ts).
 * Standards: RFC 5322 §3.6.3 (Bcc) and §3.6.6 (Resent-). `X-Sender` and `X-Receiver` are the habit of the pickup folder of IIS.
 */
import { parseMailboxes } from "./mailboxes.ts";
import { isMailbox } from "../smtp/address.ts";

export interface LetterOptions {
  /** Put behind names without a domain: `root` becomes `root@contoso.example`. */
  readonly domain: string;
  /** Recipients are read from the fields; false: they are known, and a field that cannot be read does no harm. */
  readonly readRecipients: boolean;
  /** `X-Sender` and `X-Receiver` are the envelope, and are taken out. */
  readonly xFields: boolean;
}

export interface LetterHead {
  /** The section as it goes on, each line with CRLF; without the empty line at its end. One character a byte. */
  readonly text: string;
  /** Each once, in order. */
  readonly recipients: readonly string[];
  /** Of X-Sender: null is the null reverse-path; undefined: there is none. */
  readonly sender: string | null | undefined;
  /** Of Sender, else the first of From; undefined: neither names one. */
  readonly author: string | undefined;
  readonly hasFrom: boolean;
}

/** The letter cannot be sent as it is. */
export class LetterFault extends Error {
  override readonly name = "LetterFault";
}

/**
 * @param section lines that end with CRLF, one character a byte, without the empty line
 * @throws LetterFault
 */
export function readLetterHead(section: string, options: LetterOptions): LetterHead {
  const kept: string[] = [];
  const values = new Map<string, string[]>();
  for (const raw of section.split(/(?<=\r\n)(?![ \t])/)) {
    const name = /^([!-9;-~]+)[ \t]*:/.exec(raw)?.[1]?.toLowerCase() ?? "";
    const given = raw.slice(raw.indexOf(":") + 1);
    const isList = addressFields.has(name) || (options.xFields && xNames.has(name));
    const value = isList ? completeAddresses(given, options.domain) : given;
    if (isList) {
      const known = values.get(name);
      if (known === undefined) values.set(name, [value]);
      else if (known.length < maxFieldsOfOneName) known.push(value);
      else throw new LetterFault(`there are more than ${maxFieldsOfOneName} fields ${name}`);
    }
    if (hidden.has(name) || (options.xFields && xNames.has(name))) continue;
    kept.push(isList && value !== given ? raw.slice(0, raw.indexOf(":") + 1) + value : raw);
  }
  const authors = [...(values.get("sender") ?? []), ...(values.get("from") ?? [])].flatMap((value) => parseMailboxes(value).addresses);
  return {
    text: kept.join(""),
    recipients: options.readRecipients ? recipientsOf(values, options.xFields) : [],
    sender: options.xFields ? senderOf(values.get("x-sender")) : undefined,
    author: authors[0],
    hasFrom: values.has("from"),
  };
}

/** Mailboxes of a list as people and programs write it, each once. @throws LetterFault */
export function readMailboxList(list: string, domain: string): readonly string[] {
  return mailboxesOf("the list", completeAddresses(list, domain));
}

/** Programs write one recipient in each X-Receiver. */
const maxFieldsOfOneName = 10_000;
const xNames: ReadonlySet<string> = new Set(["x-sender", "x-receiver"]);
const plainLists = ["to", "cc", "bcc"];
const resentLists = ["resent-to", "resent-cc", "resent-bcc"];
// RFC 5322 §3.6.3: who is in Bcc must not show to others, so the first system takes it out.
const hidden: ReadonlySet<string> = new Set(["bcc", "resent-bcc"]);
const addressFields: ReadonlySet<string> = new Set([
  ...plainLists,
  ...resentLists,
  ...["from", "sender", "reply-to", "resent-from", "resent-sender"],
]);

function recipientsOf(values: ReadonlyMap<string, readonly string[]>, xFields: boolean): readonly string[] {
  const asked = xFields ? values.get("x-receiver") : undefined;
  // RFC 5322 §3.6.6: what is sent again goes to whom the Resent- fields name, not to the first recipients once more.
  const names = resentLists.some((name) => values.has(name)) ? resentLists : plainLists;
  const sources = asked === undefined ? names : ["x-receiver"];
  return [...new Set(sources.flatMap((name) => (values.get(name) ?? []).flatMap((value) => mailboxesOf(name, value))))];
}

function mailboxesOf(name: string, value: string): readonly string[] {
  if (noMailbox.test(value)) return [];
  const { addresses, certain } = parseMailboxes(value);
  const bad = addresses.find((address) => !isMailbox(address, true));
  // `director@a.example <printer@a.example>`: who would judge an author by both must not send to both.
  const ambiguous = (value.match(pieces) ?? []).some((piece) => parseMailboxes(piece).addresses.length > 1);
  if (!certain || ambiguous || bad !== undefined || addresses.length === 0) throw new LetterFault(`${name} cannot be read with certainty`);
  return addresses;
}

/** An empty field, or a group with nobody in it: `undisclosed-recipients:;` (RFC 5322 §3.4). */
const noMailbox = /^\s*(?:[A-Za-z0-9 _"-]*:\s*;\s*)?$/;

function senderOf(values: readonly string[] | undefined): string | null | undefined {
  const [value] = values ?? [];
  if (values === undefined || value === undefined) return undefined;
  if (values.length > 1) throw new LetterFault("there is more than one X-Sender");
  if (/^\s*(?:<\s*>)?\s*$/.test(value)) return null;
  const [sender, other] = mailboxesOf("x-sender", value);
  if (sender === undefined || other !== undefined) throw new LetterFault("X-Sender is not one address");
  return sender;
}

/**
 * `root`, `root (Cron Daemon)` and `Cron <root>` get the domain; everything else stays as it is, to the byte. Lists are cut at commas outside
 * of quotes, comments and angle brackets; a list that is longer than anybody reads is left alone.
 */
function completeAddresses(value: string, domain: string): string {
  if (value.length > 32 * 1024) return value;
  return (value.match(pieces) ?? []).map((piece) => (piece === "," ? piece : completeOne(piece, domain))).join("");
}

/** Each alternative eats what no other can begin with, so there is nothing to try twice. */
const pieces = /,|(?:"(?:[^"\\]|\\[^])*"?|\([^()]*\)?|<[^<>]*>?|[^,"(<])+/g;
const local = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*";
const bareName = new RegExp(`^(\\s*)(${local})(\\s*(?:\\([^()]*\\)\\s*)?)$`);
const inBrackets = new RegExp(`^([^<>]*<)(${local})(>\\s*)$`);

function completeOne(piece: string, domain: string): string {
  const found = bareName.exec(piece) ?? inBrackets.exec(piece);
  if (found === null) return piece;
  const [, before = "", name = "", after = ""] = found;
  return `${before}${name}@${domain}${after}`;
}
