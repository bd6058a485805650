import { mkdir, open, readdir, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { matchesAddress } from "../../mail/address.ts";
import { formatId, IdSource, parseId } from "../../lib/ids.ts";
import { IndexLog } from "./index-log.ts";
import type { MessageQuery, SandboxMessage } from "./message.ts";
import { MessageWriter } from "./message-writer.ts";

/**
 * The sandbox's mailboxes: a folder with one .eml file a message (the content exactly as it came) and an index of what the envelopes said.
 *
 * A message is in the index, in file and memory, before its sender gets a 250; nothing is synced: kill -9 loses nothing, a power cut may, and
 * for a sandbox that is the better bargain (4,000 messages a second instead of hundreds). Bounded: the oldest messages go when there are more
 * than `keepMessages` or more octets than `keepBytes`. Only this class writes in the folder.
 */
export interface MessageStoreOptions {
  readonly folder: string;
  readonly keepMessages: number;
  readonly keepBytes: number;
}

/** What the receiver knows when the content is complete. */
export type NewMessage = Omit<SandboxMessage, "id" | "size">;

const indexName = "index.ndjson";
const nothing = Buffer.alloc(0);

export class MessageStore implements AsyncDisposable {
  readonly #options: MessageStoreOptions;
  readonly #ids: IdSource;
  #log: IndexLog;
  /** In order of arrival; the first `#head` are gone. */
  #messages: SandboxMessage[];
  #head = 0;
  #bytes = 0;
  readonly #byId = new Map<string, SandboxMessage>();
  /** Writes under way, and who waits for there to be none. */
  #busy = 0;
  #idle: (() => void) | null = null;
  /** While messages are being cleared, writes wait for this. */
  #clearing: Promise<void> | null = null;
  #removing: Promise<unknown> = Promise.resolve();

  private constructor(options: MessageStoreOptions, log: IndexLog, messages: SandboxMessage[]) {
    this.#options = options;
    this.#log = log;
    this.#messages = messages;
    for (const message of messages) this.#count(message);
    this.#ids = new IdSource(Date.now, parseId(messages.at(-1)?.id ?? "") ?? 0);
    this.#trim();
  }

  static async open(options: MessageStoreOptions): Promise<MessageStore> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const { log, messages } = await IndexLog.open(join(options.folder, indexName), options.keepMessages);
    const store = new MessageStore(options, log, messages);
    await store.#sweep();
    return store;
  }

  get count(): number {
    return this.#messages.length - this.#head;
  }

  /** Where the content of one message goes while it arrives. */
  writer(): MessageWriter {
    return new MessageWriter(this.#options.folder);
  }

  /** A new id, for a message whose own text must name it: give it to `keep` soon. */
  nextId(): string {
    return formatId(this.#ids.next());
  }

  /**
   * Keeps a message whose content is complete. Resolves when it is in the listing.
   *
   * @param prefix what the service put on top of it
   */
  async keep(writer: MessageWriter, facts: NewMessage, prefix: Buffer = nothing, id = this.nextId()): Promise<SandboxMessage> {
    while (this.#clearing !== null) await this.#clearing;
    this.#busy++;
    try {
      const message: SandboxMessage = { id, ...facts, size: prefix.length + writer.size };
      await writer.finish(this.#path(id), prefix);
      this.#log.append(message);
      this.#messages.push(message);
      this.#count(message);
      this.#trim();
      return message;
    } finally {
      this.#busy--;
      if (this.#busy === 0) this.#idle?.();
    }
  }

  /** Adds what was found out later. Nothing happens when the message has gone. */
  amend(id: string, findings: Partial<NewMessage>): void {
    const message = this.#byId.get(id);
    if (message === undefined) return;
    Object.assign(message, findings);
    // A line of the same id takes the place of the earlier one when the index is read again.
    this.#log.append(message);
  }

  get(id: string): SandboxMessage | null {
    return this.#byId.get(id.toUpperCase()) ?? null;
  }

  /** The content as it came, or its first `most` octets; null when the message has gone. */
  async content(message: SandboxMessage, most = Infinity): Promise<Readable | null> {
    try {
      return (await open(this.#path(message.id))).createReadStream({ end: most - 1 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  /** Newest first. Lazy: what arrives or goes meanwhile may or may not be seen. */
  *list(query: MessageQuery = {}): Generator<SandboxMessage> {
    const { to, from, service, limit = Infinity } = query;
    const messages = this.#messages;
    let found = 0;
    for (let index = messages.length - 1; index >= 0 && found < limit; index--) {
      const message = messages[index];
      if (message === undefined || !this.#byId.has(message.id)) continue;
      if (service !== undefined && message.service !== service) continue;
      if (from !== undefined && !matchesAddress(from, message.mailFrom === "" ? null : message.mailFrom)) continue;
      if (to !== undefined && !message.rcptTo.some((recipient) => matchesAddress(to, recipient))) continue;
      found++;
      yield message;
    }
  }

  /** Forgets every message; those that are just coming in are kept after it. Answers how many went. */
  async clear(): Promise<number> {
    while (this.#clearing !== null) await this.#clearing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clearing = promise;
    try {
      if (this.#busy > 0) await new Promise<void>((idle) => (this.#idle = idle));
      this.#idle = null;
      const gone = [...this.#byId.keys()];
      this.#log[Symbol.dispose]();
      await writeFile(join(this.#options.folder, indexName), "");
      this.#log = (await IndexLog.open(join(this.#options.folder, indexName), this.#options.keepMessages)).log;
      this.#messages = [];
      this.#head = 0;
      this.#bytes = 0;
      this.#byId.clear();
      this.#remove(gone);
      return gone.length;
    } finally {
      this.#clearing = null;
      resolve();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#clearing !== null) await this.#clearing;
    if (this.#busy > 0) await new Promise<void>((idle) => (this.#idle = idle));
    await this.#removing;
    this.#log[Symbol.dispose]();
  }

  #path(id: string): string {
    return join(this.#options.folder, `${id}.eml`);
  }

  #count(message: SandboxMessage): void {
    this.#byId.set(message.id, message);
    this.#bytes += message.size;
  }

  #trim(): void {
    const gone: string[] = [];
    while (this.count > 1 && (this.count > this.#options.keepMessages || this.#bytes > this.#options.keepBytes)) {
      const oldest = this.#messages[this.#head++] as SandboxMessage;
      this.#byId.delete(oldest.id);
      this.#bytes -= oldest.size;
      gone.push(oldest.id);
    }
    if (gone.length > 0) this.#remove(gone);
    if (this.#head > 1000 && this.#head > this.#messages.length / 2) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Files of messages that are no longer listed; one after the other, behind whatever is removed already. */
  #remove(ids: readonly string[]): void {
    this.#removing = this.#removing.then(async () => {
      // A file that cannot be removed now is an orphan, which the next start sweeps away.
      for (const id of ids) await unlink(this.#path(id)).catch(() => undefined);
    });
  }

  /** Files that no index line names: what a crash or a full disk left. */
  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#options.folder)) {
      if (name === indexName || (name.endsWith(".eml") && this.#byId.has(name.slice(0, -".eml".length)))) continue;
      if (name.endsWith(".eml") || name.endsWith(".part")) await rm(join(this.#options.folder, name), { force: true });
    }
  }
}
