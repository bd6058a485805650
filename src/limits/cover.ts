import type { Anchor, LimitJournal, UsageMark } from "./journal.ts";
import type { RuleInForce } from "./rule-in-force.ts";

/** Marks on their way to stable storage together. */
export interface Batch {
  state: "pending" | "durable" | "failed";
  /** They go in order, so whoever waits for several waits for the one with the highest number. */
  readonly number: number;
  readonly done: Promise<void>;
}

/** Units of a counter that are durable at once. Open until all of them are settled. */
export interface Chunk {
  readonly id: number;
  readonly units: number;
  readonly openedAt: number;
  readonly batch: Batch;
  /** Units taken out of it, and of these the ones under way. */
  used: number;
  held: number;
  settledAt: number;
  isClosed: boolean;
}

/** A chunk is closed early when it is so old, as a share of the window: its units would all count from the last one's settlement. */
const maxAgeShare = 1 / 50;

/** Writes marks: those of one turn together, one write at a time. */
export class JournalWriter {
  readonly #journal: LimitJournal;
  readonly #anchor: () => Anchor;
  #marks: UsageMark[] = [];
  #next: { batch: Batch; resolve: () => void; reject: (error: unknown) => void } | null = null;
  #isWriting = false;
  #number = 0;
  #lastId: number;

  constructor(journal: LimitJournal, anchor: () => Anchor, lastId: number) {
    this.#journal = journal;
    this.#anchor = anchor;
    this.#lastId = lastId;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  write(mark: UsageMark): Batch {
    this.#marks.push(mark);
    return this.flush();
  }

  /** What was written so far, and the anchor, are durable when its batch is. */
  flush(): Batch {
    if (this.#next === null) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      // Those who wait see it fail; with nobody waiting it must not end the process.
      promise.catch(() => undefined);
      this.#next = { batch: { state: "pending", number: ++this.#number, done: promise }, resolve, reject };
      if (!this.#isWriting) queueMicrotask(() => void this.#run());
    }
    return this.#next.batch;
  }

  /** Ends: this is all there is, once what is under way has been written. */
  async close(marks: readonly UsageMark[]): Promise<void> {
    if (this.#isWriting || this.#next !== null) await this.flush().done;
    await this.#journal.write({ anchor: this.#anchor(), marks, replacesAll: true });
  }

  async #run(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    for (let next = this.#next; next !== null; next = this.#next) {
      const marks = this.#marks;
      this.#marks = [];
      this.#next = null;
      try {
        await this.#journal.write({ anchor: this.#anchor(), marks });
        next.batch.state = "durable";
        next.resolve();
      } catch (error) {
        next.batch.state = "failed";
        next.reject(error);
      }
    }
    this.#isWriting = false;
  }
}

/** The chunks of one counter: the one in use, and the next, which is made durable while there is still some left of the first. */
export class Cover {
  readonly #rule: RuleInForce;
  readonly #key: string;
  readonly #writer: JournalWriter;
  #current: Chunk | null = null;
  #next: Chunk | null = null;

  constructor(rule: RuleInForce, key: string, writer: JournalWriter) {
    this.#rule = rule;
    this.#key = key;
    this.#writer = writer;
  }

  /** Takes units out of a chunk; they may be used when its batch is durable. */
  take(units: number, now: number): Chunk {
    let chunk = this.#current;
    if (chunk === null || chunk.units - chunk.used < units || chunk.batch.state === "failed" || this.#isOld(chunk, now)) {
      if (chunk !== null) this.#close(chunk);
      const next = this.#next;
      if (next !== null && next.units >= units && next.batch.state !== "failed" && !this.#isOld(next, now)) {
        chunk = next;
        this.#next = null;
      } else chunk = this.#open(Math.max(units, this.#rule.chunk), now);
      this.#current = chunk;
    }
    chunk.used += units;
    chunk.held += units;
    if (this.#next === null && chunk.used * 2 >= chunk.units && chunk.units > 1) this.#next = this.#open(this.#rule.chunk, now);
    return chunk;
  }

  settle(chunk: Chunk, units: number, kept: number, now: number): void {
    chunk.held -= units;
    chunk.used -= units - kept;
    chunk.settledAt = now;
    if (chunk.isClosed && chunk.held === 0) this.#writeSettled(chunk);
  }

  /** Closes what has grown old without being used up. Whether nothing is left. */
  tend(now: number): boolean {
    if (this.#current !== null && this.#isOld(this.#current, now)) {
      this.#close(this.#current);
      this.#current = null;
    }
    if (this.#next !== null && this.#isOld(this.#next, now)) {
      this.#close(this.#next);
      this.#next = null;
    }
    return this.#current === null && this.#next === null;
  }

  #isOld(chunk: Chunk, now: number): boolean {
    return now - chunk.openedAt > this.#rule.windowMs * maxAgeShare;
  }

  #open(units: number, now: number): Chunk {
    const id = this.#writer.nextId();
    const batch = this.#writer.write({ chunk: id, counter: this.#key, kind: "used", units, settledAt: null, until: null });
    return { id, units, openedAt: now, batch, used: 0, held: 0, settledAt: now, isClosed: false };
  }

  #close(chunk: Chunk): void {
    chunk.isClosed = true;
    if (chunk.held === 0) this.#writeSettled(chunk);
  }

  #writeSettled({ id, used, settledAt }: Chunk): void {
    const at = Math.ceil(settledAt);
    // A slice more than a window, as in the counter.
    const until = Math.ceil(this.#rule.expiryAfter(at));
    this.#writer.write({ chunk: id, counter: this.#key, kind: "used", units: used, settledAt: at, until });
  }
}
