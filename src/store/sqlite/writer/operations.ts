import type { DatabaseSync, StatementSync } from "node:sqlite";
import { operations, totalsAt } from "../protocol.ts";
import { firstFinal, stateCodes, stateName } from "../state-codes.ts";
import { Finisher, storyColumns, type StoryRow } from "./finish.ts";
import type { PackedReader } from "./packed-reader.ts";
import type { RunningTotals } from "./totals.ts";

/** What was asked does not fit what is stored: a bug, or an operator was faster. Nothing of the call is applied. */
export class Conflict extends Error {
  override readonly name = "Conflict";
}

interface PackedSettlement {
  readonly n: number;
  readonly from: number;
  readonly to: number;
  readonly notBefore: number | null;
  readonly lane: number | null;
  readonly attempts: number | null;
  readonly failure: string | null;
  readonly text: string | null;
  readonly told: number;
}

/** Applies the operations of `apply` calls, inside the transaction of the batch. Takes values in the order of packing.ts. */
export class WriterOperations {
  readonly #totals: RunningTotals;
  readonly finisher: Finisher;
  readonly #insertMessage: StatementSync;
  readonly #insertRecipient: StatementSync;
  readonly #insertExtent: StatementSync;
  readonly #insertDecision: StatementSync;
  readonly #insertEvent: StatementSync;
  readonly #begin: StatementSync;
  readonly #reroute: StatementSync;
  readonly #hasMessage: StatementSync;
  readonly #firstTwo: StatementSync;
  readonly #recipients: StatementSync;
  readonly #settle: StatementSync;
  readonly #anyWaiting: StatementSync;

  constructor(database: DatabaseSync, totals: RunningTotals) {
    this.#totals = totals;
    this.finisher = new Finisher(database, totals);
    this.#insertMessage = database.prepare(
      `INSERT INTO message (id, received_at, expires_at, principal, sender, meta, extents, prefix_size, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertRecipient = database.prepare(
      `INSERT INTO recipient (message, n, state, lane, not_before, attempts, doubt, told, address, decision, dsn, failure, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertExtent = database.prepare("INSERT INTO extent (segment, position, length, message) VALUES (?, ?, ?, ?)");
    this.#insertDecision = database.prepare("INSERT OR IGNORE INTO decision (key, decision) VALUES (?, ?)");
    this.#insertEvent = database.prepare("INSERT INTO event (message, seq, attempt, story) VALUES (?, ?, ?, ?)");
    this.#begin = database.prepare(`UPDATE recipient SET doubt = 1 WHERE message = ? AND n = ? AND state = ${stateCodes.leased}`);
    this.#reroute = database.prepare("UPDATE recipient SET decision = ? WHERE message = ? AND n = ?");
    this.#hasMessage = database.prepare("SELECT 1 FROM message WHERE id = ?");
    // No `LIMIT ?`: SQLite looks at the value to plan and prepares anew for each (7 µs instead of 1).
    this.#firstTwo = database.prepare(`SELECT ${storyColumns} FROM recipient WHERE message = ? ORDER BY n LIMIT 2`);
    this.#firstTwo.setReturnArrays(true);
    this.#recipients = database.prepare(`SELECT ${storyColumns} FROM recipient WHERE message = ? ORDER BY n`);
    this.#recipients.setReturnArrays(true);
    this.#settle = database.prepare(
      `UPDATE recipient SET state = ?1, not_before = coalesce(?2, not_before), lane = coalesce(?3, lane), attempts = coalesce(?4, attempts),
         failure = coalesce(?5, failure), text = coalesce(?6, text), told = max(told, ?7), doubt = 0
       WHERE message = ?8 AND n = ?9 AND state = ?10`,
    );
    this.#anyWaiting = database.prepare(`SELECT 1 FROM recipient WHERE message = ? AND state < ${firstFinal} LIMIT 1`);
  }

  run(values: PackedReader, contents: Uint8Array | null, now: number): void {
    const operation = values.number();
    switch (operation) {
      case operations.accept:
        return this.#accept(values, contents);
      case operations.settle:
        return this.#readSettle(values, now);
      case operations.decision: {
        const key = values.text();
        this.#insertDecision.run(key, values.text());
        return;
      }
      case operations.event: {
        const messageId = values.number();
        const story = values.text();
        if (this.#hasMessage.get(messageId) === undefined) this.finisher.tellLate(messageId, story, now);
        else this.event(messageId, false, story);
        return;
      }
      case operations.begin: {
        const messageId = values.number();
        for (let left = values.number(); left > 0; left--) this.#begin.run(messageId, values.number());
        return;
      }
      case operations.rerouted: {
        const messageId = values.number();
        const decision = values.text();
        for (let left = values.number(); left > 0; left--) this.#reroute.run(decision, messageId, values.number());
        return;
      }
      default:
        throw new Error(`unknown operation ${operation}`);
    }
  }

  event(messageId: number, isAttempt: boolean, story: string): void {
    this.#insertEvent.run(messageId, this.#totals.nextSeq(), isAttempt ? 1 : 0, story);
  }

  #accept(values: PackedReader, contents: Uint8Array | null): void {
    const id = values.number();
    const receivedAt = values.number();
    const expiresAt = values.number();
    const principal = values.text();
    const sender = values.textOrNull();
    const meta = values.text();
    const extents = values.textOrNull();
    const prefixSize = values.number();
    const position = values.number();
    const content = contents?.subarray(position, position + values.number()) ?? empty(values);
    const count = values.number();
    if (count === 0) throw new Error("a message without recipients");
    this.#insertMessage.run(id, receivedAt, expiresAt, principal, sender, meta, extents, prefixSize, content);
    for (let i = 0; i < count; i++) {
      const n = values.number();
      const state = values.number();
      this.#insertRecipient.run(
        id,
        n,
        state,
        values.number(),
        values.number(),
        values.number(),
        values.number(),
        values.text(),
        values.text(),
        values.textOrNull(),
        values.textOrNull(),
        expiresAt,
      );
      this.#totals.add(state, 1);
    }
    if (extents !== null) {
      for (const [segment, offset, length] of JSON.parse(extents) as [number, number, number][])
        this.#insertExtent.run(segment, offset, length, id);
    }
    this.#totals.add(totalsAt.accepted, count);
    this.#totals.add(totalsAt.messages, 1);
    if (id > (this.#totals.values[totalsAt.lastId] as number)) this.#totals.values[totalsAt.lastId] = id;
  }

  #readSettle(values: PackedReader, now: number): void {
    const messageId = values.number();
    const attempt = values.textOrNull();
    const count = values.number();
    const settlements: PackedSettlement[] = [];
    let allFinal = true;
    for (let i = 0; i < count; i++) {
      const settlement = {
        n: values.number(),
        from: values.number(),
        to: values.number(),
        notBefore: values.numberOrNull(),
        lane: values.numberOrNull(),
        attempts: values.numberOrNull(),
        failure: values.textOrNull(),
        text: values.textOrNull(),
        told: values.number(),
      };
      if (settlement.to < firstFinal) allFinal = false;
      settlements.push(settlement);
    }
    if (count === 0) throw new Error("a settlement without recipients");
    if (allFinal && this.#finishAtOnce(messageId, attempt, settlements, now)) return;
    this.#settleEach(messageId, attempt, settlements, now);
  }

  /** The usual case: every recipient of the message becomes final, so no row is changed first that would be removed next. */
  #finishAtOnce(messageId: number, attempt: string | null, settlements: readonly PackedSettlement[], now: number): boolean {
    const rows = (settlements.length === 1 ? this.#firstTwo : this.#recipients).all(messageId) as unknown as StoryRow[];
    if (rows.length !== settlements.length) return false;
    const after: StoryRow[] = [];
    for (let i = 0; i < rows.length; i++) {
      const [n, state, notBefore, attempts, address, decision, failure, text, dsn] = rows[i] as StoryRow;
      const settlement = settlements[i] as PackedSettlement;
      if (settlement.n !== n || settlement.from !== state) return false;
      after.push([
        n,
        settlement.to,
        settlement.notBefore ?? notBefore,
        settlement.attempts ?? attempts,
        address,
        decision,
        settlement.failure ?? failure,
        settlement.text ?? text,
        dsn,
      ]);
    }
    this.finisher.finish(messageId, after, now, attempt);
    for (const { from, to } of settlements) this.#totals.move(from, to);
    return true;
  }

  #settleEach(messageId: number, attempt: string | null, settlements: readonly PackedSettlement[], now: number): void {
    let anyFinal = false;
    for (const { n, from, to, notBefore, lane, attempts, failure, text, told } of settlements) {
      const { changes } = this.#settle.run(to, notBefore, lane, attempts, failure, text, told, messageId, n, from);
      if (changes !== 1) throw new Conflict(`recipient ${n} of message ${messageId} is not ${stateName(from)}`);
      this.#totals.move(from, to);
      if (to >= firstFinal) anyFinal = true;
    }
    if (anyFinal && this.#anyWaiting.get(messageId) === undefined) {
      const rows = this.#recipients.all(messageId) as unknown as StoryRow[];
      this.finisher.finish(messageId, rows, now, attempt);
    } else if (attempt !== null) {
      this.event(messageId, true, attempt);
    }
  }
}

function empty(values: PackedReader): Uint8Array {
  values.number();
  return new Uint8Array(0);
}
