import type { DatabaseSync, StatementSync } from "node:sqlite";
import { matchesAddress } from "../../../mail/address.ts";
import type { ChangeOrder, Packed } from "../protocol.ts";
import { firstFinal, stateCodes } from "../state-codes.ts";
import { storyColumns, type StoryRow } from "./finish.ts";
import type { WriterOperations } from "./operations.ts";
import type { RunningTotals } from "./totals.ts";

/** Messages looked at in one call: the writer serves everybody, so a selector that fits nothing must give way too. */
const lookLimit = 2000;

type Candidate = readonly [id: number, principal: string, sender: string | null, receivedAt: number];

/** Changes many recipients at an operator's word, a bounded piece a call. Leased ones are never touched, only counted. */
export class Selection {
  readonly #totals: RunningTotals;
  readonly #operations: WriterOperations;
  readonly #byId: StatementSync;
  readonly #all: StatementSync;
  readonly #inState: readonly StatementSync[];
  readonly #recipients: StatementSync;
  readonly #change: StatementSync;

  constructor(database: DatabaseSync, totals: RunningTotals, operations: WriterOperations) {
    this.#totals = totals;
    this.#operations = operations;
    const prepare = (sql: string): StatementSync => {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      return statement;
    };
    const columns = "id, principal, sender, received_at";
    this.#byId = prepare(`SELECT ${columns} FROM message WHERE id = ?`);
    this.#all = prepare(`SELECT ${columns} FROM message WHERE id > ? ORDER BY id LIMIT ${lookLimit}`);
    // Literals, so that the partial index is used.
    this.#inState = [stateCodes.leased, stateCodes.inDoubt, stateCodes.held].map((state) =>
      prepare(`SELECT DISTINCT message FROM recipient WHERE state = ${state} AND message > ? ORDER BY message LIMIT ${lookLimit}`),
    );
    this.#recipients = prepare(`SELECT ${storyColumns} FROM recipient WHERE message = ? ORDER BY n`);
    this.#change = prepare(
      `UPDATE recipient SET state = ?, not_before = ?, failure = coalesce(?, failure), doubt = 0 WHERE message = ? AND n = ?`,
    );
  }

  /** Changed recipients, leased ones that were passed over, the id to go on after (null: all were seen). */
  change(order: ChangeOrder, now: number): Packed {
    let changed = 0;
    let leased = 0;
    let looked = 0;
    let last = order.after;
    for (const candidate of this.#candidates(order)) {
      if (changed >= order.limit) return [changed, leased, last];
      looked++;
      last = candidate[0];
      if (!fits(candidate, order)) continue;
      const [here, busy] = this.#changeMessage(candidate, order, now);
      changed += here;
      leased += busy;
    }
    return [changed, leased, order.filter.ids === undefined && looked >= lookLimit ? last : null];
  }

  *#candidates({ filter, after }: ChangeOrder): Iterable<Candidate> {
    const { ids, state } = filter;
    if (ids !== undefined || (state !== undefined && state !== "queued")) {
      const wanted =
        ids?.filter((id) => id > after).sort((a, b) => a - b) ?? this.#idsInState(state as "leased" | "inDoubt" | "held", after);
      for (const id of wanted) {
        const candidate = this.#byId.get(id) as unknown as Candidate | undefined;
        if (candidate !== undefined) yield candidate;
      }
    } else {
      // Fetched whole before the first change: a statement must not run over rows that are being removed under it.
      yield* this.#all.all(after) as unknown as Candidate[];
    }
  }

  #idsInState(state: "leased" | "inDoubt" | "held", after: number): number[] {
    const statement = this.#inState[stateCodes[state] - 1] as StatementSync;
    return (statement.all(after) as unknown as [number][]).map(([id]) => id);
  }

  #changeMessage([id]: Candidate, order: ChangeOrder, now: number): readonly [changed: number, leased: number] {
    const rows = this.#recipients.all(id) as unknown as StoryRow[];
    const to = stateCodes[order.to];
    const from = new Set<number>(order.from.map((state) => stateCodes[state]));
    const failure = order.failure === undefined ? null : JSON.stringify(order.failure);
    const numbers: number[] = [];
    let leased = 0;
    const after = rows.map((row): StoryRow => {
      const [n, state, notBefore, attempts, address, decision, oldFailure, text, dsn] = row;
      if (order.filter.recipient !== undefined && !matchesAddress(order.filter.recipient, address)) return row;
      if (order.filter.state !== undefined && stateCodes[order.filter.state] !== state) return row;
      if (state === stateCodes.leased) leased++;
      if (state === stateCodes.leased || !from.has(state)) return row;
      numbers.push(n);
      return [n, to, order.notBefore ?? notBefore, attempts, address, decision, failure ?? oldFailure, text, dsn];
    });
    if (numbers.length === 0) return [0, leased];
    const event = JSON.stringify({ ...order.event, ...(numbers.length === rows.length ? undefined : { recipients: numbers }) });
    const changedRows = new Set(numbers);
    for (const row of rows) if (changedRows.has(row[0])) this.#totals.move(row[1], to);
    if (after.every(([, state]) => state >= firstFinal)) {
      this.#operations.finisher.finish(id, after, now, null, event);
    } else {
      for (const row of after) if (changedRows.has(row[0])) this.#change.run(to, row[2], failure, id, row[0]);
      this.#operations.event(id, false, event);
    }
    return [numbers.length, leased];
  }
}

function fits([, principal, sender, receivedAt]: Candidate, { filter }: ChangeOrder): boolean {
  if (filter.principal !== undefined && filter.principal !== principal) return false;
  if (filter.sender !== undefined && !matchesAddress(filter.sender, sender)) return false;
  return filter.olderThan === undefined || receivedAt < filter.olderThan;
}
