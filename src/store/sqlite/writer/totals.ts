import type { DatabaseSync, StatementSync } from "node:sqlite";
import { totalsAt } from "../protocol.ts";

/**
 * The running counts, in memory during a transaction and written once at its end. `begin` remembers them for `rollBack`.
 */
export class RunningTotals {
  readonly values: number[];
  #before: number[];
  readonly #write: StatementSync;

  constructor(database: DatabaseSync) {
    const row = database
      .prepare(
        `SELECT queued, leased, in_doubt, held, relayed, failed, expired, cancelled, messages, accepted, last_id, last_seq,
           (SELECT count(*) FROM finished) AS finished FROM totals`,
      )
      .get();
    if (row === undefined) throw new Error("the store has no totals");
    this.values = Object.values(row).map(Number);
    this.#before = [...this.values];
    this.#write = database.prepare(
      `UPDATE totals SET queued = ?, leased = ?, in_doubt = ?, held = ?, relayed = ?, failed = ?, expired = ?, cancelled = ?, messages = ?,
         accepted = ?, last_id = ?, last_seq = ?`,
    );
  }

  begin(): void {
    this.#before = this.values.slice();
  }

  rollBack(): void {
    this.restore(this.#before);
  }

  restore(values: readonly number[]): void {
    for (let i = 0; i < this.values.length; i++) this.values[i] = values[i] as number;
  }

  write(): void {
    this.#write.run(...this.values.slice(0, totalsAt.finished));
  }

  add(at: number, by: number): void {
    this.values[at] = (this.values[at] as number) + by;
  }

  move(from: number, to: number): void {
    this.add(from, -1);
    this.add(to, 1);
  }

  /** The next number of the rising sequence of events and finished messages. */
  nextSeq(): number {
    this.add(totalsAt.lastSeq, 1);
    return this.values[totalsAt.lastSeq] as number;
  }
}
