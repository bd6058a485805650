import { matchesAddress } from "../mail/address.ts";
import type { Recipient } from "../mail/envelope.ts";
import { refuse } from "../mail/refusal.ts";
import type { NewMessage } from "../queue/admission.ts";
import { scanHeader } from "../wire/mime/header-scan.ts";
import { parseMailboxes } from "../wire/mime/mailboxes.ts";
import { takeXSmtpApi, XSmtpApiError, type XSmtpApi } from "../wire/sendgrid/x-smtpapi.ts";
import { prepare } from "./prepare.ts";
import type { ContentFacts, Draft, Incoming, Receipt } from "./submission.ts";
import { inRowBytes, refusalOf, type SubmitDeps } from "./submit-deps.ts";

/** SendGrid takes no time further ahead. */
const longestWaitMs = 72 * 3_600_000;
/** Content times persons: what one submission may make of itself. */
const maxBytes = 64 * 1024 * 1024;

/**
 * A message of a principal that speaks X-SMTPAPI: the field is obeyed and taken out, and each person of its `to` gets a message of their own,
 * with nobody else in its To field. All are accepted in one commit, or none is. The content stays in memory until then: the door counts it.
 */
export class PersonalArrival implements Incoming {
  readonly #draft: Draft;
  readonly #deps: SubmitDeps;
  #pieces: Buffer[] = [];

  constructor(draft: Draft, deps: SubmitDeps) {
    this.#draft = draft;
    this.#deps = deps;
  }

  write(piece: Buffer): void {
    this.#pieces.push(piece);
  }

  abort(): void {
    this.#pieces = [];
  }

  async end(facts: ContentFacts): Promise<Receipt> {
    const content = Buffer.concat(this.#pieces);
    this.#pieces = [];
    const written: (() => void)[] = [];
    try {
      const given = scanHeader(content, true);
      // Without a header section, or with one that is refused in a moment, there is nothing to take out.
      const end = given.faults.length === 0 ? given.end : 0;
      const { api, header } = taken(content.subarray(0, end));
      const body = content.subarray(end);
      const messages: NewMessage[] = [];
      const persons = api?.to?.map((person) => this.#person(person)) ?? [null];
      const { maxRecipients } = this.#draft.principal;
      if (maxRecipients !== undefined && persons.length > maxRecipients) throw refuse("submission.too-many-recipients");
      if (content.length * persons.length > maxBytes)
        throw refuse("submission.too-large", { text: "The message is too large for so many persons in X-SMTPAPI" });
      const notBefore = this.#notBefore(api);
      for (const person of persons) {
        const draft: Draft = {
          ...this.#draft,
          ...(notBefore === null ? {} : { notBefore }),
          ...(person === null ? {} : { envelope: { ...this.#draft.envelope, recipients: [person.recipient] } }),
        };
        const whole = Buffer.concat([person === null ? header : addressedTo(header, person.field), body]);
        const inRow = whole.length <= inRowBytes;
        const scan = scanHeader(whole, true);
        const store = async () => {
          const writer = this.#deps.store.openContent();
          written.push(() => writer.abort());
          await writer.write(whole);
          return writer.finish();
        };
        const size = { ...facts, size: whole.length };
        const prepared = await prepare(draft, scan, size, () => (inRow ? undefined : store()), this.#deps);
        messages.push({
          ...prepared,
          body: inRow ? whole : null,
          ...(notBefore === null ? {} : { notBefore }),
          ...this.#event(api),
        });
      }
      await this.#deps.queue.acceptAll(messages);
      return { id: (messages[0] as NewMessage).message.id };
    } catch (error) {
      for (const undo of written) undo();
      throw refusalOf(error);
    }
  }

  /** The door held RCPT against the fence; who stands in the field must pass it as well. */
  #person(text: string): { readonly recipient: Recipient; readonly field: string } {
    const { addresses, certain } = parseMailboxes(Buffer.from(text, "utf8").toString("latin1"));
    const [address] = addresses;
    if (!certain || address === undefined || addresses.length !== 1 || hasControl(text))
      throw refuse("submission.header-syntax", { text: "X-SMTPAPI: an entry of to is not one address" });
    // The envelope knows nothing of SMTPUTF8 for it.
    if (hasEightBit(address)) throw refuse("submission.header-syntax", { text: "X-SMTPAPI: an address of to is not ASCII" });
    const { recipients } = this.#draft.principal;
    if (recipients !== undefined && !recipients.some((pattern) => matchesAddress(pattern, address)))
      throw refuse("submission.recipient-not-allowed");
    const notify = this.#draft.envelope.recipients[0]?.notify;
    return {
      recipient: { address, ...(notify === undefined ? {} : { notify }) },
      // A name beyond ASCII would need encoding; the address is what counts.
      field: hasEightBit(text) ? address : text,
    };
  }

  #notBefore(api: XSmtpApi | null): number | null {
    if (api?.sendAt === undefined) return null;
    const at = api.sendAt * 1000;
    const now = this.#deps.clock.now();
    if (at > now + longestWaitMs) throw refuse("submission.header-syntax", { text: "X-SMTPAPI: send_at is more than 72 hours ahead" });
    return at > now ? at : null;
  }

  #event(api: XSmtpApi | null): Pick<NewMessage, "event"> {
    if (api === null) return {};
    const { categories, uniqueArgs, unknown } = api;
    const parts = [
      ...(categories.length === 0 ? [] : [`category ${categories.join(", ")}`]),
      ...(Object.keys(uniqueArgs).length === 0 ? [] : [`unique_args ${JSON.stringify(uniqueArgs)}`]),
      ...(unknown.length === 0 ? [] : [`not understood: ${unknown.join(", ")}`]),
    ];
    if (parts.length === 0) return {};
    return { event: { at: this.#deps.clock.now(), what: "x-smtpapi", text: parts.join("; ").slice(0, 2000) } };
  }
}

function taken(header: Buffer): ReturnType<typeof takeXSmtpApi> {
  try {
    return takeXSmtpApi(header);
  } catch (error) {
    if (error instanceof XSmtpApiError) throw refuse("submission.header-syntax", { text: error.message });
    throw error;
  }
}

/** Nobody learns who else got it: To names the one, and Cc and Bcc go. */
function addressedTo(header: Buffer, to: string): Buffer {
  const fields = header.toString("latin1").split(/(?<=\r\n)(?![ \t])/);
  const others = fields.filter((field) => !/^(to|cc|bcc)[ \t]*:/i.test(field));
  // The fields end with an empty line, which is the last of them.
  const last = others.at(-1) === "\r\n" ? others.length - 1 : others.length;
  others.splice(last, 0, `To: ${to}\r\n`);
  return Buffer.from(others.join(""), "latin1");
}

function hasEightBit(text: string): boolean {
  for (let n = 0; n < text.length; n++) if (text.charCodeAt(n) > 126) return true;
  return false;
}

function hasControl(text: string): boolean {
  for (let n = 0; n < text.length; n++) if (text.charCodeAt(n) < 32 || text.charCodeAt(n) === 127) return true;
  return false;
}
