import { closeSync, existsSync, fdatasyncSync, fstatSync, openSync, rmSync, writeSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { openWriting } from "../connection.ts";
import { migrate } from "../migrations/migrate.ts";
import {
  calls,
  errorKinds,
  totalsAt,
  type BatchDone,
  frameBytes,
  type ChangeOrder,
  type Packed,
  type Recovered,
  walGrowth,
  type WalState,
  type WriterOptions,
} from "../protocol.ts";
import { stateCodes } from "../state-codes.ts";
import { Ballast } from "./ballast.ts";
import { Claims, ContentsOut } from "./claims.ts";
import { classify, isConstraint } from "./errors.ts";
import { Conflict, WriterOperations } from "./operations.ts";
import { PackedReader } from "./packed-reader.ts";
import { Selection } from "./selection.ts";
import { RunningTotals } from "./totals.ts";
import { UsageMarks } from "./usage-marks.ts";

const cacheKb = 16 * 1024;
const pageBytes = 4096;
/** A file that is nearly all unused is made small at start, when what it holds is copied in less than a second. */
const shrinkAboveBytes = 256 * 1024 * 1024;
const shrinkLiveBytes = 64 * 1024 * 1024;

/** Set when the order of calls must be kept but each must fail alone. */
type Mode = "together" | "apart" | "apart without accepting";

/**
 * The queue's database as the writer thread has it: one transaction a batch.
 *
 * The calls of a batch run together. Only when one of them throws is the batch rolled back and run again with a savepoint around each call,
 * so that a bad one fails alone and the good ones pay nothing for it. When the disk is full the batch runs once more, after the ballast was
 * let go, without the calls that accept messages: settlements still fit.
 */
export class WriterDatabase {
  readonly #database: DatabaseSync;
  readonly #totals: RunningTotals;
  readonly #operations: WriterOperations;
  readonly #claims: Claims;
  readonly #selection: Selection;
  readonly #usage: UsageMarks;
  readonly #forget;
  readonly ballast: Ballast;
  readonly recovered: Recovered;
  readonly #walLimit: number;
  readonly #walState: StatementSync;
  readonly #freePages: StatementSync;
  readonly #passive: StatementSync;

  constructor(options: WriterOptions) {
    this.#database = openWithRoom(options);
    try {
      migrate(this.#database, options.file);
      if (options.maxPages !== undefined) this.#database.exec(`PRAGMA max_page_count = ${options.maxPages}`);
      // A backup keeps the WAL from beginning anew and lets it grow; it shrinks to this afterwards.
      this.#database.exec(`PRAGMA journal_size_limit = ${options.walBytes * walGrowth}`);
      shrink(this.#database);
      growWal(`${options.file}-wal`, options.walBytes);
      this.#totals = new RunningTotals(this.#database);
      this.#operations = new WriterOperations(this.#database, this.#totals);
      this.#claims = new Claims(this.#database, this.#totals);
      this.#selection = new Selection(this.#database, this.#totals, this.#operations);
      this.#usage = new UsageMarks(this.#database);
      this.#walLimit = options.walBytes * walGrowth;
      this.#walState = this.#database.prepare("PRAGMA wal_checkpoint(NOOP)");
      this.#walState.setReturnArrays(true);
      this.#freePages = this.#database.prepare("PRAGMA freelist_count");
      this.#freePages.setReturnArrays(true);
      this.#passive = this.#database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
      this.#forget = this.#database.prepare("DELETE FROM finished WHERE seq BETWEEN ? AND ?");
      this.ballast = new Ballast(options.ballast);
      this.recovered = this.#recover();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  get totals(): readonly number[] {
    return this.#totals.values.slice();
  }

  batch(now: number, values: Packed, contents: Uint8Array | null): BatchDone {
    for (let mode: Mode = this.#mayAccept() ? "together" : "apart without accepting"; ;) {
      try {
        const done = this.#transaction(now, values, contents, mode);
        // The maintenance thread cannot keep up: better a slow commit than a WAL that takes the whole disk.
        if (done.wal.bytes > this.#walLimit && done.wal.uncopiedBytes > this.#walLimit / 3) this.checkpoint();
        return done;
      } catch (error) {
        const kind = classify(error);
        if (kind === "broken" || (kind === "call" && mode !== "together")) throw error;
        if (kind === "full" && mode === "apart without accepting") return this.#refuseAll(values);
        if (kind === "full") this.ballast.release();
        mode = kind === "full" ? "apart without accepting" : "apart";
      }
    }
  }

  /** Copies what the maintenance thread has not; then the next transaction begins at the start of the WAL. */
  checkpoint(): void {
    try {
      this.#passive.get();
    } catch (error) {
      // Without space for it the WAL keeps what it has and nothing is lost; but it must not grow by new messages until space is back.
      if (classify(error) !== "full") throw error;
      this.ballast.release();
    }
  }

  /** There is no space: what is left is for settlements. */
  full(): void {
    this.ballast.release();
  }

  /** Bytes of the file that hold nothing. 1 µs. */
  #unusedBytes(): number {
    return (this.#freePages.get() as unknown as readonly [number])[0] * pageBytes;
  }

  /** Without the ballast only as long as the file itself has room, so that neither it nor the WAL need to grow. */
  #mayAccept(): boolean {
    return this.ballast.held || this.#unusedBytes() > this.ballast.bytes * 2;
  }

  /** 1 µs. */
  #wal(): WalState {
    const [, frames, copied] = this.#walState.get() as unknown as readonly [busy: number, frames: number, copied: number];
    return { bytes: frames * frameBytes, uncopiedBytes: (frames - copied) * frameBytes };
  }

  close(): void {
    this.#database.close();
  }

  /** Not even a settlement fits: somebody else has used up what the ballast left. Nothing has changed. */
  #refuseAll(packed: Packed): BatchDone {
    const values = new PackedReader(packed);
    const errors: (number | string)[] = [];
    for (let position = 0; !values.done; position++) {
      values.at = values.number();
      errors.push(position, errorKinds.full, "no space left");
    }
    return {
      kind: "done",
      totals: this.totals,
      results: null,
      errors,
      freed: null,
      contents: null,
      wal: this.#wal(),
      unusedBytes: this.#unusedBytes(),
      ballastHeld: this.ballast.held,
    };
  }

  #transaction(now: number, values: Packed, contents: Uint8Array | null, mode: Mode): BatchDone {
    const { freed } = this.#operations.finisher;
    freed.length = 0;
    this.#totals.begin();
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const answer = this.#runCalls(now, new PackedReader(values), contents, mode);
      this.#totals.write();
      this.#database.exec("COMMIT");
      return {
        kind: "done",
        totals: this.totals,
        ...answer,
        freed: freed.length === 0 ? null : freed.slice(),
        wal: this.#wal(),
        unusedBytes: this.#unusedBytes(),
        ballastHeld: this.ballast.held,
      };
    } catch (error) {
      // After some errors SQLite has rolled back by itself.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#totals.rollBack();
      throw error;
    }
  }

  #runCalls(
    now: number,
    values: PackedReader,
    contents: Uint8Array | null,
    mode: Mode,
  ): Pick<BatchDone, "results" | "errors" | "contents"> {
    const results: (Packed | null)[] = [];
    const errors: (number | string)[] = [];
    const out = new ContentsOut();
    let anyResult = false;
    for (let position = 0; !values.done; position++) {
      const end = values.number();
      const takesMore = values.number() === 1;
      if (takesMore && mode === "apart without accepting") {
        errors.push(position, errorKinds.full, "no space left");
        results.push(null);
        values.at = end;
        continue;
      }
      const result =
        mode === "together"
          ? this.#call(now, values, end, contents, out)
          : this.#callApart(now, values, end, contents, out, position, errors);
      if (result !== null) anyResult = true;
      results.push(result);
    }
    return { results: anyResult ? results : null, errors: errors.length === 0 ? null : errors, contents: out.join() };
  }

  #callApart(
    now: number,
    values: PackedReader,
    end: number,
    contents: Uint8Array | null,
    out: ContentsOut,
    position: number,
    errors: (number | string)[],
  ): Packed | null {
    const before = this.#totals.values.slice();
    const freedBefore = this.#operations.finisher.freed.length;
    this.#database.exec("SAVEPOINT one");
    try {
      const result = this.#call(now, values, end, contents, out);
      this.#database.exec("RELEASE one");
      return result;
    } catch (error) {
      const kind = classify(error);
      if (kind !== "call") throw error;
      this.#database.exec("ROLLBACK TO one; RELEASE one");
      this.#totals.restore(before);
      this.#operations.finisher.freed.length = freedBefore;
      errors.push(
        position,
        error instanceof Conflict || isConstraint(error) ? errorKinds.conflict : errorKinds.fault,
        (error as Error).message,
      );
      values.at = end;
      return null;
    }
  }

  #call(now: number, values: PackedReader, end: number, contents: Uint8Array | null, out: ContentsOut): Packed | null {
    const call = values.number();
    switch (call) {
      case calls.apply:
        while (values.at < end) this.#operations.run(values, contents, now);
        return null;
      case calls.claim:
        return this.#claims.claim(values.number(), values.number(), values.number(), out);
      case calls.lanes:
        return this.#claims.lanes();
      case calls.claimExpired:
        return this.#claims.claimExpired(values.number(), values.number(), out);
      case calls.change:
        return this.#selection.change(JSON.parse(values.text()) as ChangeOrder, now);
      case calls.forget: {
        const { changes } = this.#forget.run(values.number(), values.number());
        this.#totals.add(totalsAt.finished, -Number(changes));
        return null;
      }
      case calls.markUsage:
        this.#usage.write(values, end);
        return null;
      case calls.loadUsage:
        return this.#usage.load();
      default:
        throw new Error(`unknown call ${call}`);
    }
  }

  /** Leases do not outlive a run. What a route that must not repeat has begun to send stays in doubt; the rest waits again. */
  #recover(): Recovered {
    const { leased, inDoubt, queued } = stateCodes;
    this.#totals.begin();
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const doubtful = Number(
        this.#database.prepare(`UPDATE recipient SET state = ${inDoubt} WHERE state = ${leased} AND doubt = 1`).run().changes,
      );
      const again = Number(
        this.#database.prepare(`UPDATE recipient SET state = ${queued}, doubt = 0 WHERE state = ${leased}`).run().changes,
      );
      this.#totals.add(leased, -doubtful - again);
      this.#totals.add(inDoubt, doubtful);
      this.#totals.add(queued, again);
      this.#totals.write();
      this.#database.exec("COMMIT");
      return { queued: again, inDoubt: doubtful };
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#totals.rollBack();
      throw error;
    }
  }
}

function shrink(database: DatabaseSync): void {
  const read = (name: string): number => Number(database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0) * pageBytes;
  const unused = read("freelist_count");
  if (unused < shrinkAboveBytes || read("page_count") - unused > shrinkLiveBytes) return;
  try {
    database.exec("VACUUM");
  } catch (error) {
    if (classify(error) !== "full") throw error;
  }
}

/** SQLite takes zeros behind the last frame for what they are: nothing (a frame carries the WAL's salt and a checksum). */
function growWal(file: string, bytes: number): void {
  const handle = openSync(file, "r+");
  try {
    const zeros = Buffer.alloc(1024 * 1024);
    for (let at = fstatSync(handle).size; at < bytes;) at += writeSync(handle, zeros, 0, Math.min(zeros.length, bytes - at), at);
    fdatasyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A start on a full disk takes the ballast too: WAL and index need room before anything can be settled. */
function openWithRoom({ file, ballast }: WriterOptions): DatabaseSync {
  try {
    return openWriting(file, cacheKb);
  } catch (error) {
    if (classify(error) !== "full" || !existsSync(ballast.file)) throw error;
    rmSync(ballast.file, { force: true });
    return openWriting(file, cacheKb);
  }
}
