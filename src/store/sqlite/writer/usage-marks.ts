import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Packed } from "../protocol.ts";
import type { PackedReader } from "./packed-reader.ts";

/** The durable part of the account against limits, in the transaction of the batch. */
export class UsageMarks {
  readonly #put: StatementSync;
  readonly #drop: StatementSync;
  readonly #dropAll: StatementSync;
  readonly #dropOld: StatementSync;
  readonly #anchor: StatementSync;
  readonly #load: StatementSync;
  readonly #loadAnchor: StatementSync;

  constructor(database: DatabaseSync) {
    this.#put = database.prepare(
      "INSERT OR REPLACE INTO usage_mark (chunk, counter, kind, units, settled_at, until) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#drop = database.prepare("DELETE FROM usage_mark WHERE chunk = ?");
    this.#dropAll = database.prepare("DELETE FROM usage_mark");
    this.#dropOld = database.prepare("DELETE FROM usage_mark WHERE until <= ?");
    this.#anchor = database.prepare("INSERT OR REPLACE INTO usage_anchor (one, anchor) VALUES (1, ?)");
    this.#load = database.prepare("SELECT chunk, counter, kind, units, settled_at, until FROM usage_mark ORDER BY chunk");
    this.#load.setReturnArrays(true);
    this.#loadAnchor = database.prepare("SELECT anchor FROM usage_anchor");
    this.#loadAnchor.setReturnArrays(true);
  }

  /** Takes the values in the order of `packUsage` in usage-packing.ts. */
  write(values: PackedReader, end: number): void {
    this.#anchor.run(values.text());
    const at = values.number();
    if (values.number() === 1) this.#dropAll.run();
    while (values.at < end) {
      const chunk = values.number();
      const counter = values.text();
      const kind = values.number();
      const units = values.number();
      const settledAt = values.numberOrNull();
      const until = values.numberOrNull();
      if (units === 0) this.#drop.run(chunk);
      else this.#put.run(chunk, counter, kind, units, settledAt, until);
    }
    this.#dropOld.run(at);
  }

  /** The anchor, then the columns of each mark. */
  load(): Packed {
    const anchor = this.#loadAnchor.get() as unknown as readonly [string] | undefined;
    return [anchor?.[0] ?? null, ...(this.#load.all() as unknown as Packed[]).flat()];
  }
}
