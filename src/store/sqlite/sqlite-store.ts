import type { Worker } from "node:worker_threads";
import type { JournalContents, JournalEntry, LimitJournal } from "../../limits/journal.ts";
import {
  StoreConflict,
  StoreFailed,
  StoreFull,
  type Claim,
  type ClaimedMessage,
  type ContentWriter,
  type Extent,
  type LaneDue,
  type Operation,
  type QueueStore,
  type StoredContent,
  type Totals,
} from "../../queue/store.ts";
import { packOperation, Packer, unpackClaim } from "./packing.ts";
import {
  calls,
  errorKinds,
  totalsAt,
  type BatchDone,
  type ChangeOrder,
  type FromWriter,
  type Packed,
  type Recovered,
  type ToWriter,
  type WalState,
} from "./protocol.ts";
import { stateCodes } from "./state-codes.ts";
import { packUsage, unpackUsage } from "./usage-packing.ts";

/** A batch is closed at this size, so that one commit stays short; the rest goes with the next. */
const batchBytes = 4 * 1024 * 1024;

interface Pending {
  readonly resolve: (result: Answered) => void;
  readonly reject: (error: Error) => void;
}

interface Answered {
  readonly values: Packed | null;
  readonly contents: Uint8Array | null;
}

interface Batch {
  readonly packer: Packer;
  readonly pending: Pending[];
}

/** What the store has beside the queue's database. */
export interface Contents {
  open(): ContentWriter;
  read(content: StoredContent, messageId: number): AsyncIterable<Uint8Array>;
  /** A committed row names this place. */
  keep(extents: readonly Extent[]): void;
  /** Space of finished messages: message, segment, position, length. */
  free(freed: Packed): void;
}

export interface SqliteStoreDeps {
  readonly now: () => number;
  readonly contents: Contents;
  readonly freeBytes: () => number;
  readonly ballastBytes: number;
  /** After each commit: how much was written since the WAL began anew, how many finished messages wait, whether the ballast is there. */
  readonly committed: (state: { wal: WalState; finished: number; ballastHeld: boolean }) => void;
  /** The store cannot go on. Called once. */
  readonly failed: (error: StoreFailed) => void;
}

export type Change = Omit<ChangeOrder, "after">;

/**
 * The main thread's side of the queue's database.
 *
 * Natural batching: calls gather while a batch is with the writer thread and go with the next; when none is, they go at the end of this
 * turn of the event loop, so that sessions whose data came in one turn share a commit. No timer, no limit but bytes.
 */
export class SqliteStore implements QueueStore {
  readonly #worker: Worker;
  readonly #deps: SqliteStoreDeps;
  #totals: readonly number[];
  /** The last is being filled, the ones before it wait for the writer. */
  #batches: Batch[] = [];
  #inFlight: readonly Pending[] | null = null;
  #scheduled = false;
  /** Of the database's file: room as good as that of the file system. */
  #unusedBytes = 0;
  /** While the ballast is gone the writer takes in nothing that needs the file to grow. */
  #ballastHeld = true;
  #closing = false;
  #failure: StoreFailed | null = null;
  #drained: (() => void)[] = [];
  readonly #others: ((message: FromWriter) => boolean)[] = [];

  constructor(worker: Worker, totals: readonly number[], deps: SqliteStoreDeps) {
    this.#worker = worker;
    this.#totals = totals;
    this.#deps = deps;
    worker.on("message", (message: FromWriter) => this.#hear(message));
    worker.on("error", (error) => this.#fail(`the store's writer stopped: ${error.message}`));
    worker.on("exit", () => {
      // It may be heard of in the same turn as the writer's last answer.
      if (!this.#closing) this.#fail("the store is closed");
    });
  }

  async apply(all: readonly Operation[]): Promise<void> {
    if (all.length === 0) return;
    const takesMore = all.some(({ op }) => op === "accept") && !all.some(({ op }) => op === "settle");
    await this.#call((packer) => {
      packer.values.push(calls.apply);
      for (const operation of all) packOperation(packer, operation);
    }, takesMore);
    for (const operation of all) {
      if (operation.op === "accept" && operation.message.content.extents !== undefined)
        this.#deps.contents.keep(operation.message.content.extents);
    }
  }

  async claim(lane: number, now: number, max: number): Promise<Claim> {
    const { values, contents } = await this.#call(({ values: to }) => to.push(calls.claim, lane, now, max));
    return unpackClaim(values as Packed, contents);
  }

  async claimExpired(now: number, max: number): Promise<readonly ClaimedMessage[]> {
    const { values, contents } = await this.#call(({ values: to }) => to.push(calls.claimExpired, now, max));
    return unpackClaim(values as Packed, contents).messages;
  }

  async lanes(): Promise<readonly LaneDue[]> {
    const { values } = await this.#call(({ values: to }) => to.push(calls.lanes));
    const lanes: LaneDue[] = [];
    for (let i = 0; i < (values?.length ?? 0); i += 2) lanes.push({ lane: values?.[i] as number, notBefore: values?.[i + 1] as number });
    return lanes;
  }

  /**
   * Changes recipients that fit `filter` and are in one of the states `from`; at most about `limit` in this call (whole messages), beginning
   * after the message `after`. Leased ones are counted, not touched. `next`: where to go on; null when all have been seen.
   */
  async change(change: Change, after = 0): Promise<{ readonly changed: number; readonly leased: number; readonly next: number | null }> {
    const order: ChangeOrder = { ...change, after };
    const { values } = await this.#call(({ values: to }) => to.push(calls.change, JSON.stringify(order)));
    const [changed, leased, next] = values as [number, number, number | null];
    return { changed, leased, next };
  }

  /** Removes finished messages that the history has. */
  async forget(firstSeq: number, lastSeq: number): Promise<void> {
    await this.#call(({ values: to }) => to.push(calls.forget, firstSeq, lastSeq));
  }

  /** The durable part of the account against limits; its writes share the commits. */
  get limitJournal(): LimitJournal {
    return { load: () => this.#loadUsage(), write: (entry) => this.#markUsage(entry) };
  }

  openContent(): ContentWriter {
    return this.#deps.contents.open();
  }

  readContent(content: StoredContent, messageId: number): AsyncIterable<Uint8Array> {
    return this.#deps.contents.read(content, messageId);
  }

  totals(): Totals {
    const at = (index: number): number => this.#totals[index] as number;
    return {
      messages: at(totalsAt.messages),
      accepted: at(totalsAt.accepted),
      queued: at(stateCodes.queued),
      leased: at(stateCodes.leased),
      inDoubt: at(stateCodes.inDoubt),
      held: at(stateCodes.held),
      relayed: at(stateCodes.relayed),
      failed: at(stateCodes.failed),
      expired: at(stateCodes.expired),
      cancelled: at(stateCodes.cancelled),
    };
  }

  get lastId(): number {
    return this.#totals[totalsAt.lastId] as number;
  }

  freeBytes(): number {
    if (!this.#ballastHeld && this.#unusedBytes <= this.#deps.ballastBytes * 2) return 0;
    return this.#deps.freeBytes() + this.#unusedBytes;
  }

  /** Asks the writer for something that is not a batch; resolves with its answer of the given kind. */
  ask<Kind extends FromWriter["kind"]>(message: ToWriter, kind: Kind): Promise<FromWriter & { kind: Kind }> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#others.push((answer) => {
        if (answer.kind === kind) resolve(answer as FromWriter & { kind: Kind });
        else if (answer.kind === "failed") reject(new StoreFailed(answer.text));
        else return false;
        return true;
      });
      this.#worker.postMessage(message);
    });
  }

  /** Something beside the database broke that promises rest on. */
  breakDown(text: string): void {
    this.#fail(text);
  }

  /** Waits until nothing is on its way to the disk. */
  async settle(): Promise<void> {
    if (this.#inFlight !== null || this.#batches.length > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Waits for what was asked before, then closes the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure !== null) return;
    await this.settle();
    this.#closing = true;
    if (this.#failure === null) await this.ask({ kind: "close" }, "closed").catch(() => undefined);
    this.#failure ??= new StoreFailed("the store is closed");
    await this.#worker.terminate();
  }

  async #loadUsage(): Promise<JournalContents> {
    const { values } = await this.#call(({ values: to }) => to.push(calls.loadUsage));
    return unpackUsage(values as Packed);
  }

  async #markUsage(entry: JournalEntry): Promise<void> {
    await this.#call(({ values: to }) => {
      to.push(calls.markUsage);
      packUsage(to, entry);
    });
  }

  #call(pack: (packer: Packer) => unknown, takesMore = false): Promise<Answered> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const batch = this.#openBatch();
    const { values } = batch.packer;
    const start = values.push(0, takesMore ? 1 : 0) - 2;
    try {
      pack(batch.packer);
    } catch (error) {
      values.length = start;
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    values[start] = values.length;
    this.#schedule();
    return new Promise((resolve, reject) => batch.pending.push({ resolve, reject }));
  }

  #openBatch(): Batch {
    const last = this.#batches.at(-1);
    if (last !== undefined && last.packer.bytes < batchBytes) return last;
    const batch = { packer: new Packer(), pending: [] };
    this.#batches.push(batch);
    return batch;
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight !== null) return;
    this.#scheduled = true;
    setImmediate(() => this.#send());
  }

  #send(): void {
    this.#scheduled = false;
    if (this.#inFlight !== null || this.#failure !== null) return;
    const batch = this.#batches.shift();
    if (batch === undefined) return;
    this.#inFlight = batch.pending;
    const contents = batch.packer.contents();
    const message: ToWriter = { kind: "batch", now: this.#deps.now(), calls: batch.packer.values, contents };
    this.#worker.postMessage(message, contents === null ? [] : [contents.buffer]);
  }

  #hear(message: FromWriter): void {
    if (message.kind === "done") return this.#done(message);
    if (message.kind === "failed") this.#fail(message.text);
    if (message.kind === "ballast") this.#ballastHeld = message.held;
    const index = this.#others.findIndex((take) => take(message));
    if (index >= 0) this.#others.splice(index, 1);
  }

  #done({ totals, results, errors, freed, contents, wal, unusedBytes, ballastHeld }: BatchDone): void {
    const pending = this.#inFlight ?? [];
    this.#inFlight = null;
    this.#ballastHeld = ballastHeld;
    this.#totals = totals;
    this.#unusedBytes = unusedBytes;
    if (this.#batches.length > 0) this.#schedule();
    if (freed !== null) this.#deps.contents.free(freed);
    const failed = errors === null ? null : errorsByPosition(errors);
    for (let i = 0; i < pending.length; i++) {
      const { resolve, reject } = pending[i] as Pending;
      const error = failed?.get(i);
      if (error === undefined) resolve({ values: results?.[i] ?? null, contents });
      else reject(error);
    }
    this.#deps.committed({ wal, finished: totals[totalsAt.finished] as number, ballastHeld });
    if (this.#batches.length === 0) for (const drained of this.#drained.splice(0)) drained();
  }

  #fail(text: string): void {
    if (this.#failure !== null) return;
    const failure = new StoreFailed(text);
    this.#failure = failure;
    const waiting = [...(this.#inFlight ?? []), ...this.#batches.flatMap(({ pending }) => pending)];
    this.#inFlight = null;
    this.#batches = [];
    for (const { reject } of waiting) reject(failure);
    for (const take of this.#others.splice(0)) take({ kind: "failed", text });
    for (const drained of this.#drained.splice(0)) drained();
    this.#deps.failed(failure);
  }
}

function errorsByPosition(errors: Packed): Map<number, Error> {
  const byPosition = new Map<number, Error>();
  for (let i = 0; i < errors.length; i += 3) {
    const text = errors[i + 2] as string;
    const kind = errors[i + 1] as number;
    const error = kind === errorKinds.full ? new StoreFull(text) : kind === errorKinds.conflict ? new StoreConflict(text) : new Error(text);
    byPosition.set(errors[i] as number, error);
  }
  return byPosition;
}

/** Starts the writer thread; resolves when the database is open and leases of the last run are undone. */
export async function startWriter(worker: Worker): Promise<{ readonly totals: readonly number[]; readonly recovered: Recovered }> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (message: FromWriter) => {
      worker.off("error", reject);
      if (message.kind === "ready") resolve(message);
      else reject(refusal(message));
    });
  });
}

function refusal(message: FromWriter): Error {
  const error = new Error(message.kind === "refused" ? message.text : `unexpected ${message.kind}`);
  if (message.kind === "refused") error.name = message.name;
  return error;
}
