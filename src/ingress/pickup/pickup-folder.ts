import { constants } from "node:fs";
import { access, link, lstat, readdir, rename, rm, writeFile } from "node:fs/promises";
import type { Identity } from "../../identity/identity.ts";
import { formatId, parseId } from "../../lib/ids.ts";
import { syncFolder } from "../../lib/sync-folder.ts";
import { failure, failureCodes } from "../../mail/failure-codes.ts";
import type { Failure } from "../../mail/failure.ts";
import { Refusal } from "../../mail/refusal.ts";
import { enhancedStatus } from "../../mail/status.ts";
import type { Submit } from "../../submission/submission.ts";
import { HeldFolder } from "./held-folder.ts";
import { pickupDefaults as defaults, type PickupOptions } from "./options.ts";
import { PickupFile, StillChanging } from "./pickup-file.ts";
import type { PickupLog } from "./pickup-log.ts";
import { SettledFiles } from "./settled-files.ts";

export interface PickupDeps {
  readonly submit: Submit;
  readonly identity: Identity;
  /** Whether a message of this id is in the queue or the history. */
  readonly isKnown: (id: number) => Promise<boolean>;
  readonly log: PickupLog;
}

/** Files under way at the same time: their syncs share a commit. */
const maxAtOnce = 8;
const retryFirstMs = 30_000;
const retryLongestMs = 600_000;
/** What a name may have in `taken` and `badmail`, beside what we put in front (file systems allow 255 bytes). */
const maxNameBytes = 200;

/**
 * One pickup folder: what has settled in it is sent once.
 *
 * A file's way: it is read through a descriptor and checked; then it is renamed to `taken/ID.NAME`, ID being the message it becomes, and both folders
 * are synced; then the message becomes durable; then the file is deleted. So after a crash the queue says of each file in `taken` whether it
 * was sent: it is deleted, or put back. What is refused for good goes to `badmail` with a reason beside it; what is refused for now stays.
 *
 * Files may come from anybody who can write to the folder: see pickup-file.ts and held-folder.ts for links, pipes and replaced folders.
 */
export class PickupFolder {
  readonly options: PickupOptions;
  readonly #domain: string;
  readonly #deps: PickupDeps;
  readonly #settled: SettledFiles;
  readonly #retries = new Map<string, { readonly at: number; readonly waitMs: number }>();
  #held: Folders | null = null;
  #timer: NodeJS.Timeout | undefined;
  #pass: Promise<void> = Promise.resolve();
  #closing = false;
  #restUntil = 0;
  #troubled = false;
  #moved = 0;
  /** Files under way. */
  active = 0;

  constructor(options: PickupOptions, hostname: string, deps: PickupDeps) {
    this.options = options;
    this.#domain = options.domain ?? hostname;
    this.#deps = deps;
    this.#settled = new SettledFiles(options.settleMs ?? defaults.settleMs);
  }

  get ready(): boolean {
    return this.#held !== null && !this.#troubled;
  }

  /** Opens the folder, settles what a crash left, and begins to look. @throws Error when the folder cannot be used */
  async open(): Promise<void> {
    await this.#hold();
    this.#deps.log.listening(this.options.name, this.options.folder, 0);
    this.#look();
  }

  /** Opens the folder and ours in it, and settles what is in `taken`: nothing is under way now. */
  async #hold(): Promise<void> {
    using opening = new DisposableStack();
    const inbox = opening.use(HeldFolder.open(this.options.folder));
    await access(inbox.path(), constants.W_OK);
    const [taken, bad] = [opening.use(inbox.own("taken")), opening.use(inbox.own("badmail"))];
    this.#held = { inbox, taken, bad };
    opening.move();
    for (const name of await readdir(taken.path())) await this.#settleTaken(name);
  }

  #letGo(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) for (const folder of [held.inbox, held.taken, held.bad]) folder[Symbol.dispose]();
  }

  /** Ends what is under way, for at most `drainMs`; what is not finished then is settled at the next start. */
  async close(drainMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, drainMs);
    await Promise.race([this.#pass, late.promise]);
    clearTimeout(timer);
    // Names are looked up through the descriptors to the last.
    void this.#pass.finally(() => this.#letGo());
  }

  #look(): void {
    this.#pass = this.#onePass()
      .then(() => void (this.#troubled = false))
      .catch((error: unknown) => {
        // Once, not every second.
        if (!this.#troubled) this.#deps.log.fault(this.#facts(""), error);
        this.#troubled = true;
      })
      .finally(() => {
        if (!this.#closing) this.#timer = setTimeout(() => this.#look(), this.options.pollMs ?? defaults.pollMs);
      });
  }

  async #onePass(): Promise<void> {
    const now = performance.now();
    if (this.#closing || now < this.#restUntil) return;
    // Made anew or mounted meanwhile: what we hold would stay empty for ever.
    if (this.#held?.inbox.isStill(this.options.folder) !== true) {
      this.#letGo();
      await this.#hold();
    }
    const held = this.#folders();
    const names = await this.#settled.look(held.inbox, now);
    for (const name of this.#retries.keys()) if (!names.includes(name)) this.#retries.delete(name);
    const due = names.filter((name) => (this.#retries.get(name)?.at ?? 0) <= now)[Symbol.iterator]();
    const troubles: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (const name of due) {
        if (this.#closing || performance.now() < this.#restUntil) return;
        this.active++;
        try {
          await this.#take(name);
        } catch (error) {
          troubles.push(error);
        } finally {
          this.active--;
        }
      }
    };
    await Promise.all(Array.from({ length: maxAtOnce }, worker));
    if (troubles.length > 0) throw troubles[0];
  }

  async #take(name: string): Promise<void> {
    const { identity, submit, log } = this.#deps;
    const held = this.#folders();
    const principal = identity.principal(this.options.principal);
    if (principal === null) throw new Error(`there is no principal ${this.options.principal} any more`);
    const wait = identity.admit(principal);
    if (wait > 0) return void (this.#restUntil = performance.now() + Math.min(wait, 60_000));
    let takenAs: string | null = null;
    try {
      await using file = await PickupFile.open(held.inbox.path(name));
      const announce = async (id: number): Promise<void> => {
        const as = `${formatId(id)}.${shortened(name)}`;
        await rename(held.inbox.path(name), held.taken.path(as));
        takenAs = as;
        // Somebody put another file in its place meanwhile: that one was not read.
        if (!file.isThe(await lstat(held.taken.path(as)))) throw new StillChanging();
        await syncFolder(held.taken.path());
        await syncFolder(held.inbox.path());
      };
      const { domain, maxMessageSize, maxRecipients } = this.#limits();
      const { id, size } = await file.submit({ submit, principal }, { domain, maxMessageSize, maxRecipients }, announce);
      if (takenAs !== null) await rm(held.taken.path(takenAs), { force: true });
      log.accepted(this.#facts(name), id, size);
    } catch (error) {
      identity.giveBack(principal);
      if (takenAs !== null) await this.#settleTaken(takenAs);
      await this.#failed(name, error);
    }
  }

  #limits() {
    const { maxMessageSize = defaults.maxMessageSize, maxRecipients = defaults.maxRecipients } = this.options;
    return { domain: this.#domain, maxMessageSize, maxRecipients };
  }

  async #failed(name: string, error: unknown): Promise<void> {
    const { log } = this.#deps;
    // It goes on changing, or is gone: it will be looked at again when it has settled.
    if (error instanceof StillChanging || (error as NodeJS.ErrnoException).code === "ENOENT") return;
    const reason = error instanceof Refusal ? error.failure : failure("system.fault");
    log.refused(this.#facts(name), reason.code, reason.text);
    if (!(error instanceof Refusal) || error.cause !== undefined) log.fault(this.#facts(name), error);
    if (reason.permanent) return await this.#moveAside(name, reason);
    const waitMs = Math.min(retryLongestMs, (this.#retries.get(name)?.waitMs ?? retryFirstMs / 2) * 2);
    this.#retries.set(name, { at: performance.now() + waitMs, waitMs });
  }

  async #moveAside(name: string, reason: Failure): Promise<void> {
    const { inbox, bad } = this.#folders();
    const at = new Date().toISOString();
    const as = `${at.replaceAll(":", "-")}-${++this.#moved}.${shortened(name)}`;
    const { remedy } = failureCodes[reason.code];
    const status = enhancedStatus(true, reason.detail);
    const text = `${JSON.stringify(name)} was not sent (${at}).\n${reason.code}: ${status} ${reason.text}\nWhat to do: ${remedy} Then put the file back into the folder.\n`;
    await writeFile(bad.path(`${as}.txt`), text, { flag: "wx", mode: 0o600 });
    await rename(inbox.path(name), bad.path(as));
  }

  /** What a file in `taken` has become is the queue's to say. */
  async #settleTaken(as: string): Promise<void> {
    const { inbox, taken } = this.#folders();
    const id = parseId(as.slice(0, 11));
    if (id === null) return;
    if (await this.#deps.isKnown(id)) return await rm(taken.path(as), { force: true });
    const name = as.slice(12);
    // Not by rename: another file of that name may have come meanwhile.
    await link(taken.path(as), inbox.path(name)).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const [ours, theirs] = [await lstat(taken.path(as)), await lstat(inbox.path(name))];
      if (ours.ino !== theirs.ino) await link(taken.path(as), inbox.path(`again-${as}`));
    });
    await rm(taken.path(as), { force: true });
  }

  #folders(): Folders {
    if (this.#held === null) throw new Error("the pickup folder is closed");
    return this.#held;
  }

  #facts(file: string) {
    const { name, principal } = this.options;
    return { listenerName: name, address: "", port: 0, clientName: file, principalName: principal, tls: "" };
  }
}

interface Folders {
  readonly inbox: HeldFolder;
  readonly taken: HeldFolder;
  readonly bad: HeldFolder;
}

/** A name that leaves room for what we put in front, and ends with `.eml` as it did. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= maxNameBytes) return name;
  return `${Buffer.from(name)
    .subarray(0, maxNameBytes)
    .toString("utf8")
    .replace(/\ufffd+$/, "")}.eml`;
}
