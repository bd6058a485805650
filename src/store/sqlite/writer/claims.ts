import type { DatabaseSync, StatementSync } from "node:sqlite";
import { recipientColumns } from "../packing.ts";
import type { Packed } from "../protocol.ts";
import { stateCodes } from "../state-codes.ts";
import type { RunningTotals } from "./totals.ts";

/** A claim stops when it has gathered this much content, so that one answer stays small whatever `max` is. */
const contentLimitBytes = 4 * 1024 * 1024;

/** Contents of one answer, laid end to end. */
export class ContentsOut {
  #pieces: Uint8Array[] = [];
  bytes = 0;

  add(piece: Uint8Array): number {
    const at = this.bytes;
    this.#pieces.push(piece);
    this.bytes += piece.byteLength;
    return at;
  }

  join(): Uint8Array<ArrayBuffer> | null {
    if (this.bytes === 0) return null;
    const all = Buffer.allocUnsafeSlow(this.bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.byteLength;
    }
    this.#pieces = [];
    return all;
  }
}

type Due = readonly [message: number, n: number];
type MessageRow = readonly [meta: string, extents: string | null, prefixSize: number, content: Uint8Array];

/** Finds recipients to work on and leases them. Every look goes through an index: its cost does not grow with the backlog. */
export class Claims {
  readonly #totals: RunningTotals;
  readonly #due: StatementSync;
  readonly #dueOf: StatementSync;
  readonly #nextDue: StatementSync;
  readonly #lease: StatementSync;
  readonly #message: StatementSync;
  readonly #lanes: StatementSync;
  readonly #expired: StatementSync;

  constructor(database: DatabaseSync, totals: RunningTotals) {
    this.#totals = totals;
    const prepare = (sql: string): StatementSync => {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      return statement;
    };
    this.#due = prepare(
      "SELECT message, n FROM recipient WHERE state = 0 AND lane = ? AND not_before <= ? ORDER BY not_before, message, n LIMIT ?",
    );
    // By the primary key, whatever else there is an index of.
    this.#dueOf = prepare(
      "SELECT message, n FROM recipient WHERE message = ? AND +state = 0 AND +lane = ? AND +not_before <= ? ORDER BY n",
    );
    this.#nextDue = prepare("SELECT not_before FROM recipient WHERE state = 0 AND lane = ? ORDER BY not_before LIMIT 1");
    this.#lease = prepare(
      `UPDATE recipient SET state = ${stateCodes.leased}, doubt = 0 WHERE message = ? AND n = ? RETURNING ${recipientColumns}`,
    );
    this.#message = prepare("SELECT meta, extents, prefix_size, content FROM message WHERE id = ?");
    this.#lanes = prepare(
      `WITH RECURSIVE known (lane) AS (
         SELECT min(lane) FROM recipient WHERE state = 0
         UNION ALL
         SELECT (SELECT min(lane) FROM recipient WHERE state = 0 AND lane > known.lane) FROM known WHERE known.lane IS NOT NULL
       )
       SELECT lane, (SELECT min(not_before) FROM recipient WHERE state = 0 AND lane = known.lane) FROM known WHERE lane IS NOT NULL`,
    );
    this.#expired = prepare("SELECT message, n FROM recipient WHERE state = 0 AND expires_at <= ? ORDER BY expires_at, message, n LIMIT ?");
  }

  claim(lane: number, now: number, max: number, contents: ContentsOut): Packed {
    const due = this.#due.all(lane, now, max) as unknown as Due[];
    if (due.length === max) this.#completeLast(due, lane, now);
    const result = this.#leaseAll(due, contents);
    const next = this.#nextDue.get(lane) as unknown as [number] | undefined;
    return [next?.[0] ?? null, ...result];
  }

  /** What could go in one transaction is not torn apart. */
  #completeLast(due: Due[], lane: number, now: number): void {
    const message = due.at(-1)?.[0] as number;
    const numbers = new Set(due.filter(([id]) => id === message).map(([, n]) => n));
    for (const other of this.#dueOf.all(message, lane, now) as unknown as Due[]) if (!numbers.has(other[1])) due.push(other);
  }

  /** Queued recipients of any lane whose message has outlived its lifetime. */
  claimExpired(now: number, max: number, contents: ContentsOut): Packed {
    return [null, ...this.#leaseAll(this.#expired.all(now, max) as unknown as Due[], contents)];
  }

  /** Lane, earliest time, lane, earliest time … */
  lanes(): Packed {
    return (this.#lanes.all() as unknown as [number, number][]).flat();
  }

  #leaseAll(due: readonly Due[], contents: ContentsOut): (number | string | null)[] {
    const byMessage = new Map<number, number[]>();
    for (const [message, n] of due) {
      const already = byMessage.get(message);
      if (already === undefined) byMessage.set(message, [n]);
      else already.push(n);
    }
    const out: (number | string | null)[] = [];
    for (const [message, numbers] of byMessage) {
      if (contents.bytes > contentLimitBytes) break;
      const [meta, extents, prefixSize, content] = this.#message.get(message) as unknown as MessageRow;
      out.push(meta, extents, prefixSize, contents.add(content), content.byteLength, numbers.length);
      for (const n of numbers) {
        this.#totals.move(stateCodes.queued, stateCodes.leased);
        out.push(...(this.#lease.get(message, n) as unknown as (number | string | null)[]));
      }
    }
    return out;
  }
}
