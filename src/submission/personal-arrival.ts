import { matchesAddress } from "../mail/address.ts";
import type { Recipient } from "../mail/envelope.ts";
import { refuse } from "../mail/refusal.ts";
import type { NewMessage } from "../queue/admission.ts";
import { scanHeader } from "../wire/mime/header-scan.ts";
import { parseMailboxes } from "../wire/mime/mailboxes.ts";
import { takeXSmtpApi, XSmtpApiError, type XSmtpApi } from "../wire/sendgrid/x-smtpapi.ts";
import { prepareWhole } from "./prepare-whole.ts";
import type { ContentFacts, Draft, Incoming, MoreRoom, Receipt } from "./submission.ts";
import { refusalOf } from "../queue/refusal-of.ts";
import { inRowBytes, maxTogetherBytes, type SubmitDeps } from "./submit-deps.ts";

/** SendGrid takes no time further ahead. */
const longestWaitMs = 72 * 3_600_000;
/** Others get a turn after so many bytes of copies. */
const turnBytes = 1024 * 1024;

/**
 * A message of a principal that speaks X-SMTPAPI: the field is obeyed and taken out, and each person of its `to` gets a message of their own,
 * with nobody else in its To field. All are accepted in one commit, or none is.
 *
 * What would be too much is said before the first copy is made: each message counts for the principal's rate, and copies that stay in memory
 * until the commit (those that go into a row) count for the door. Larger ones go to disk one after the other.
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

  async end(facts: ContentFacts, more: MoreRoom): Promise<Receipt> {
    const content = Buffer.concat(this.#pieces);
    this.#pieces = [];
    const written: (() => void)[] = [];
    const { principal } = this.#draft;
    let counted = 0;
    try {
      const given = scanHeader(content, true);
      // Without a header section, or with one that is refused in a moment, there is nothing to take out.
      const end = given.faults.length === 0 ? given.end : 0;
      const { api, header } = taken(content.subarray(0, end));
      const body = content.subarray(end);
      const persons = api?.to?.map((person) => this.#person(person)) ?? [null];
      if (principal.maxRecipients !== undefined && persons.length > principal.maxRecipients) throw refuse("submission.too-many-recipients");
      if (content.length * persons.length > maxTogetherBytes)
        throw refuse("submission.too-large", { text: "The message is too large for so many persons in X-SMTPAPI" });
      const notBefore = this.#notBefore(api);
      // The message itself was counted at MAIL.
      this.#count(persons.length - 1);
      counted = persons.length - 1;
      if (counted > 0 && !more(persons.length * Math.min(content.length, inRowBytes))) throw refuse("system.busy");
      const messages: NewMessage[] = [];
      const addressed = persons.length === 1 && persons[0] === null ? null : withoutAddressees(header);
      let made = 0;
      for (const person of persons) {
        const draft: Draft = {
          ...this.#draft,
          ...(notBefore === null ? {} : { notBefore }),
          ...(person === null ? {} : { envelope: { ...this.#draft.envelope, recipients: [person.recipient] } }),
        };
        const own = person === null || addressed === null ? header : Buffer.from(`${addressed}To: ${person.field}\r\n\r\n`, "latin1");
        const message = await prepareWhole(
          {
            draft,
            // A header section of its own ends where it does in the whole; without one the body shows that there is none.
            header: scanHeader(own.length === 0 ? body : own, true),
            pieces: [own, body],
            facts: { ...facts, size: own.length + body.length },
            ...this.#event(api),
          },
          written,
          this.#deps,
        );
        messages.push(message);
        made += own.length + (message.body?.length ?? 0);
        if (made > turnBytes) made = await nextTurn();
      }
      await this.#deps.queue.acceptAll(messages);
      return { id: (messages[0] as NewMessage).message.id };
    } catch (error) {
      for (const undo of written) undo();
      if (counted > 0) this.#deps.rates.giveBack(principal, counted);
      throw refusalOf(error);
    }
  }

  /** @throws Refusal when the rate does not allow so many messages more: for good when it never will. */
  #count(others: number): void {
    if (others === 0) return;
    const { principal } = this.#draft;
    const atOnce = principal.rate?.messages ?? Number.POSITIVE_INFINITY;
    const text = `X-SMTPAPI makes ${others + 1} messages of this one`;
    if (others + 1 > atOnce)
      throw refuse("submission.too-many-recipients", {
        permanent: true,
        text: `${text}; the rate of this sender allows ${atOnce} at once`,
      });
    if (this.#deps.rates.admit(principal, others) > 0)
      throw refuse("submission.rate-exceeded", { text: `${text}, too many for now: try again later` });
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

/** Nobody learns who else got it: To, Cc and Bcc go, and so does the empty line; what is left ends with CRLF. */
function withoutAddressees(header: Buffer): string {
  const fields = header.toString("latin1").split(/(?<=\r\n)(?![ \t])/);
  const others = fields.filter((field) => field !== "\r\n" && !/^(to|cc|bcc)[ \t]*:/i.test(field)).join("");
  return others === "" || others.endsWith("\r\n") ? others : `${others}\r\n`;
}

async function nextTurn(): Promise<0> {
  await new Promise(setImmediate);
  return 0;
}

function hasEightBit(text: string): boolean {
  for (let n = 0; n < text.length; n++) if (text.charCodeAt(n) > 126) return true;
  return false;
}

function hasControl(text: string): boolean {
  for (let n = 0; n < text.length; n++) if (text.charCodeAt(n) < 32 || text.charCodeAt(n) === 127) return true;
  return false;
}
