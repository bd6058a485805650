import { basename } from "node:path";
import addressparser from "nodemailer/lib/addressparser";
import MailComposer from "nodemailer/lib/mail-composer";
import { CommandError } from "../exit-codes.ts";
import { readInput } from "../read-input.ts";

/** A message ready to be sent: bytes and envelope. */
export interface Letter {
  readonly raw: Buffer;
  readonly from: string;
  readonly to: readonly string[];
}

export interface LetterOptions {
  readonly from?: string;
  readonly to?: readonly string[];
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly attach?: readonly string[];
}

const maxBytes = 512 * 1024 ** 2;

/** From a file or standard input; the envelope from the options, else from its header. */
export async function readLetter(path: string, options: LetterOptions): Promise<Letter> {
  const content = await readInput(path, maxBytes);
  const end = headerEnd(content);
  const fields = unfold(content.subarray(0, end).toString("latin1"));
  const from = options.from ?? addressesOf(fields, ["from"])[0];
  const to = options.to ?? addressesOf(fields, ["to", "cc", "bcc"]);
  if (from === undefined) throw new CommandError("data", "the message has no From field: say --from");
  if (to.length === 0) throw new CommandError("data", "the message names no recipient: say --to");
  // Whom a blind copy goes to is nobody's business: RFC 5322 §3.6.3.
  const kept = fields.filter(([name]) => name !== "bcc").map(([, text]) => text);
  const raw =
    fields.length === kept.length
      ? content
      : Buffer.concat([Buffer.from(kept.map((text) => `${text}\r\n`).join(""), "latin1"), content.subarray(end)]);
  return { raw, from, to };
}

/** Composed here from the options. Nothing is fetched: attachments are files that the user names on the command line. */
export async function composeLetter(options: LetterOptions): Promise<Letter> {
  const { from, to, subject, text, html, attach = [] } = options;
  if (from === undefined || to === undefined) throw new CommandError("usage", "say --from and --to, or name a message file");
  const attachments = [];
  for (const path of attach) attachments.push({ filename: basename(path), content: await readInput(path, maxBytes) });
  const composer = new MailComposer({
    from,
    to: [...to],
    subject: subject ?? "",
    ...(text === undefined && html !== undefined ? {} : { text: text ?? "" }),
    ...(html === undefined ? {} : { html }),
    attachments,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const raw = await composer.compile().build();
  const sender = addressparser(from, { flatten: true })[0]?.address;
  const recipients = to.flatMap((value) => addressparser(value, { flatten: true }).map(({ address }) => address));
  if (sender === undefined || recipients.some((address) => !address.includes("@")))
    throw new CommandError("usage", "--from and --to must be addresses");
  return { raw, from: sender, to: recipients };
}

function headerEnd(content: Buffer): number {
  const crlf = content.indexOf("\r\n\r\n");
  const lf = content.indexOf("\n\n");
  if (crlf < 0 && lf < 0) return content.length;
  return crlf >= 0 && (lf < 0 || crlf < lf) ? crlf + 2 : lf + 1;
}

/** Name in lower case and whole text of each field. */
function unfold(header: string): [string, string][] {
  const fields: [string, string][] = [];
  for (const line of header.split(/\r?\n/)) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line) && last !== undefined) last[1] += `\r\n${line}`;
    else if (line !== "")
      fields.push([
        line
          .slice(0, Math.max(0, line.indexOf(":")))
          .trim()
          .toLowerCase(),
        line,
      ]);
  }
  return fields;
}

function addressesOf(fields: readonly (readonly [string, string])[], names: readonly string[]): string[] {
  return fields
    .filter(([name]) => names.includes(name))
    .flatMap(([, text]) => addressparser(text.slice(text.indexOf(":") + 1).replace(/\r\n/g, ""), { flatten: true }))
    .map(({ address }) => address)
    .filter((address) => address.includes("@"));
}
