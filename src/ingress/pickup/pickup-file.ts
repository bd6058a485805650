import { constants, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { permits, type Principal } from "../../identity/principal.ts";
import { refuse } from "../../mail/refusal.ts";
import type { Envelope } from "../../mail/envelope.ts";
import type { Receipt, Submit } from "../../submission/submission.ts";
import { LetterFault, readLetterHead } from "../../wire/mime/letter-head.ts";
import { LetterReader } from "../../wire/mime/letter-reader.ts";

const blockBytes = 64 * 1024;

export interface PickupLimits {
  readonly domain: string;
  readonly maxMessageSize: number;
  readonly maxRecipients: number;
}

/** It changed while it was read: it is not finished. */
export class StillChanging extends Error {
  override readonly name = "StillChanging";
}

/** One file, held open: what is sent is what was checked, whatever becomes of its name. */
export class PickupFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #stat: Stats;

  private constructor(handle: FileHandle, stat: Stats) {
    this.#handle = handle;
    this.#stat = stat;
  }

  /** @throws Refusal when it is not a plain file of one name; the system's error when it cannot be opened */
  static async open(path: string): Promise<PickupFile> {
    // Not waiting: a pipe of that name would never open.
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ELOOP") throw refuse("pickup.not-a-plain-file", { text: "It is a symbolic link" });
      if (code === "ENXIO") throw refuse("pickup.not-a-plain-file", { text: "It is not a regular file" });
      if (code === "EACCES") throw refuse("pickup.not-a-plain-file", { text: "The gateway may not read it" });
      throw error;
    });
    const stat = await handle.stat();
    const bad = !stat.isFile() ? "It is not a regular file" : stat.nlink > 1 ? "It has another name (a hard link)" : null;
    if (bad === null) return new PickupFile(handle, stat);
    await handle.close();
    throw refuse("pickup.not-a-plain-file", { text: bad });
  }

  isThe({ dev, ino }: Stats): boolean {
    return dev === this.#stat.dev && ino === this.#stat.ino;
  }

  /**
   * Hands the letter in; resolves when it is durable.
   *
   * @param announce told the message's id when nothing speaks against it any more, before it is durable
   * @throws Refusal, StillChanging
   */
  async submit(
    { submit, principal }: { readonly submit: Submit; readonly principal: Principal },
    limits: PickupLimits,
    announce: (id: number) => Promise<void>,
  ): Promise<Receipt & { readonly size: number }> {
    const most = Math.min(limits.maxMessageSize, principal.maxMessageSize ?? Infinity);
    if (this.#stat.size > most) throw refuse("submission.too-large");
    const reader = new LetterReader();
    const blocks = this.#blocks();
    try {
      const begun = await readHead(reader, blocks);
      const { envelope, text } = this.#envelope(reader.head ?? "", principal, limits);
      const incoming = submit({ principal, origin: { door: "pickup" }, envelope, protocol: "local", announce });
      let size = 0;
      const write = async (piece: Buffer): Promise<void> => {
        size += piece.length;
        if (size > most) throw refuse("submission.too-large");
        await incoming.write(piece);
      };
      try {
        await write(Buffer.from(`${text}\r\n`, "latin1"));
        for (const piece of begun) await write(piece);
        for await (const block of blocks) for (const piece of reader.push(block)) await write(piece);
        for (const piece of reader.end()) await write(piece);
        await this.#mustBeTheSame();
        if (reader.facts.nul) throw refuse("submission.line-ending", { text: "The message has a NUL" });
      } catch (error) {
        incoming.abort();
        throw error;
      }
      const { leadingDots, eightBit } = reader.facts;
      const receipt = await incoming.end({ size, leadingDots, eightBit }, () => true);
      return { ...receipt, size };
    } catch (error) {
      throw error instanceof LetterFault
        ? refuse("submission.header-syntax", { text: `The header section is not valid: ${error.message}` })
        : error;
    }
  }

  #envelope(head: string, principal: Principal, limits: PickupLimits): { readonly envelope: Envelope; readonly text: string } {
    const { text, recipients, sender, author } = readLetterHead(head, { domain: limits.domain, readRecipients: true, xFields: true });
    const reversePath = sender === undefined ? author : sender;
    if (reversePath === undefined) throw refuse("pickup.no-envelope", { text: "It has no X-Sender, Sender or From" });
    if (recipients.length === 0) throw refuse("pickup.no-envelope", { text: "It has no X-Receiver, To, Cc or Bcc" });
    if (!permits(principal.reversePaths, reversePath)) throw refuse("submission.reverse-path-not-allowed");
    const most = Math.min(limits.maxRecipients, principal.maxRecipients ?? Infinity);
    if (recipients.length > most) throw refuse("submission.too-many-recipients", { permanent: true });
    const barred = principal.recipients && recipients.find((address) => !permits(principal.recipients ?? [], address));
    if (barred !== undefined)
      throw refuse("submission.recipient-not-allowed", { text: `The recipient ${barred} is not allowed from here` });
    // oxlint-disable-next-line no-control-regex -- the range is ASCII
    const utf8 = [reversePath ?? "", ...recipients].some((address) => /[^\u0000-\u007f]/.test(address));
    return { text, envelope: { reversePath, recipients: recipients.map((address) => ({ address })), ...(utf8 && { smtputf8: true }) } };
  }

  async *#blocks(): AsyncGenerator<Buffer> {
    let left = this.#stat.size;
    while (left > 0) {
      // A new one each time: submission may keep what it gets.
      const { bytesRead, buffer } = await this.#handle.read(Buffer.allocUnsafe(Math.min(blockBytes, left)), 0);
      if (bytesRead === 0) throw new StillChanging();
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async #mustBeTheSame(): Promise<void> {
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.#stat.size || mtimeMs !== this.#stat.mtimeMs) throw new StillChanging();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

async function readHead(reader: LetterReader, blocks: AsyncGenerator<Buffer>): Promise<readonly Buffer[]> {
  for (;;) {
    const { done, value } = await blocks.next();
    const pieces = done === true ? reader.end() : reader.push(value);
    if (done === true || reader.head !== null) return pieces;
  }
}
