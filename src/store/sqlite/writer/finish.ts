import type { DatabaseSync, StatementSync } from "node:sqlite";
import { totalsAt } from "../protocol.ts";
import { stateName } from "../state-codes.ts";
import type { RunningTotals } from "./totals.ts";

/** The columns of a recipient that its story needs, in this order. */
export const storyColumns = "n, state, not_before, attempts, address, decision, failure, text, dsn";
export type StoryRow = readonly [number, number, number, number, string, string, string | null, string | null, string | null];

/** Turns a message that waits no more into one row that tells its story, in the transaction that made it final. */
export class Finisher {
  readonly #totals: RunningTotals;
  readonly #message: StatementSync;
  readonly #dropMessage: StatementSync;
  readonly #dropRecipients: StatementSync;
  readonly #events: StatementSync;
  readonly #dropEvents: StatementSync;
  readonly #insert: StatementSync;
  readonly #freeExtent: StatementSync;
  /** Space that was freed in this transaction: message, segment, position, length. */
  freed: number[] = [];

  constructor(database: DatabaseSync, totals: RunningTotals) {
    this.#totals = totals;
    // Two statements: `DELETE … RETURNING` builds a temporary table for the one row.
    this.#message = database.prepare("SELECT meta, extents FROM message WHERE id = ?");
    this.#message.setReturnArrays(true);
    this.#dropMessage = database.prepare("DELETE FROM message WHERE id = ?");
    this.#dropRecipients = database.prepare("DELETE FROM recipient WHERE message = ?");
    this.#events = database.prepare("SELECT attempt, story FROM event WHERE message = ? ORDER BY seq");
    this.#events.setReturnArrays(true);
    this.#dropEvents = database.prepare("DELETE FROM event WHERE message = ?");
    this.#insert = database.prepare("INSERT INTO finished (seq, id, at, story) VALUES (?, ?, ?, ?)");
    this.#freeExtent = database.prepare("DELETE FROM extent WHERE segment = ? AND position = ?");
  }

  /** `attempt` and `event`: the last ones, which never became rows. */
  finish(messageId: number, rows: readonly StoryRow[], now: number, attempt: string | null, event: string | null = null): void {
    const message = this.#message.get(messageId) as unknown as readonly [string, string | null] | undefined;
    if (message === undefined) throw new Error(`message ${messageId} has recipients but no row`);
    this.#dropMessage.run(messageId);
    this.#dropRecipients.run(messageId);
    const told = this.#events.all(messageId) as unknown as [number, string][];
    if (told.length > 0) this.#dropEvents.run(messageId);
    const attempts: string[] = [];
    const events: string[] = [];
    for (const [isAttempt, story] of told) (isAttempt === 1 ? attempts : events).push(story);
    if (attempt !== null) attempts.push(attempt);
    if (event !== null) events.push(event);
    const recipients = rows.map(storyOfRecipient).join(",");
    const story = `${message[0].slice(0, -1)},"finishedAt":${now},"recipients":[${recipients}],"attempts":[${attempts.join(",")}],"events":[${events.join(",")}]}`;
    this.#insert.run(this.#totals.nextSeq(), messageId, now, story);
    this.#totals.add(totalsAt.messages, -1);
    this.#totals.add(totalsAt.finished, 1);
    if (message[1] !== null) this.#free(messageId, JSON.parse(message[1]) as [number, number, number][]);
  }

  /** Something heard of a message after its story was closed (a late bounce): a story of its own, which the archive joins to the first. */
  tellLate(messageId: number, event: string, now: number): void {
    this.#insert.run(this.#totals.nextSeq(), messageId, now, `{"id":${messageId},"late":${event}}`);
    this.#totals.add(totalsAt.finished, 1);
  }

  #free(messageId: number, extents: readonly [number, number, number][]): void {
    for (const [segment, position, length] of extents) {
      this.#freeExtent.run(segment, position);
      this.freed.push(messageId, segment, position, length);
    }
  }
}

/** A TraceRecipient as JSON text; `failure` already is, and `dsn` is the members that it adds, in braces. */
export function storyOfRecipient([n, state, notBefore, attempts, address, decision, failure, text, dsn]: StoryRow): string {
  let story = `{"n":${n},"address":${JSON.stringify(address)},"state":"${stateName(state)}","decision":${JSON.stringify(decision)},"attempts":${attempts},"notBefore":${notBefore}`;
  if (failure !== null) story += `,"lastFailure":${failure}`;
  if (text !== null) story += `,"text":${JSON.stringify(text)}`;
  if (dsn !== null) story += `,${dsn.slice(1, -1)}`;
  return `${story}}`;
}
