import type { DatabaseSync, StatementSync } from "node:sqlite";
import { matchesAddress } from "../../../mail/address.ts";
import type {
  LaneBacklog,
  Page,
  QueueEntry,
  QueueFilter,
  TraceAttempt,
  TraceQuery,
  TraceRecipient,
  TraceRecord,
  TraceSummary,
} from "../../../queue/archive.ts";
import type { TraceEvent } from "../../../queue/store.ts";
import { messageOf, recipientColumns, recipientOf, recipientWidth } from "../packing.ts";
import { stateCodes, stateName } from "../state-codes.ts";
import { readBacklog } from "./read-backlog.ts";
import { storyOfRecipient, storyColumns, type StoryRow } from "../writer/finish.ts";
import { History } from "../history/history.ts";
import { joinLate, recordOf, summaryOf, type Story } from "../history/story.ts";

type Row = readonly (number | string | null)[];
type Candidate = readonly [id: number, principal: string, sender: string | null, receivedAt: number];

const nothing = new Uint8Array(0);

/** Questions to the queue's database and to the history. Reads are short, so that the WAL can begin anew between them. */
export class QueueReader {
  readonly #database: DatabaseSync;
  readonly #history: History;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, historyFolder: string) {
    this.#database = database;
    this.#history = new History(historyFolder);
  }

  list(filter: QueueFilter, page: Page): readonly QueueEntry[] {
    const entries: QueueEntry[] = [];
    for (const [id] of this.#select(filter, page.after ?? 0)) {
      if (entries.length >= page.limit) break;
      const entry = this.#entry(id);
      if (entry !== null) entries.push(entry);
    }
    return entries;
  }

  count(filter: QueueFilter): number {
    const { state, ids, principal, sender, recipient, olderThan } = filter;
    const plain =
      ids === undefined && principal === undefined && sender === undefined && recipient === undefined && olderThan === undefined;
    if (plain && state === undefined) return Number(this.#get("SELECT messages FROM totals")?.[0] ?? 0);
    if (plain)
      return Number(this.#get(`SELECT count(DISTINCT message) FROM recipient WHERE state = ${stateCodes[state as "queued"]}`)?.[0] ?? 0);
    let count = 0;
    for (const _ of this.#select(filter, 0)) count++;
    return count;
  }

  trace(id: number): TraceRecord | null {
    const waiting = this.#snapshot(() => this.#waitingStory(id));
    if (waiting !== null) return recordOf(waiting);
    // Finished ones are looked up before the history: they go from here to there, never back.
    const stories = this.#finishedStories("SELECT story FROM finished WHERE id = ? ORDER BY seq", id);
    const all = [...this.#history.byId(id), ...stories];
    return joinLate(all);
  }

  find(query: TraceQuery): readonly TraceSummary[] {
    const found = new Map<number, TraceSummary>();
    const take = (story: Story): void => {
      if (story.late === undefined && fitsQuery(story, query)) found.set(story.id, summaryOf(story));
    };
    for (const id of this.#findWaiting(query)) {
      const story = this.#waitingStory(id);
      if (story !== null) take(story);
    }
    for (const story of this.#finishedStories("SELECT story FROM finished ORDER BY seq DESC")) take(story);
    for (const story of this.#history.find(query, (latest) => arrivedBefore(latest, found, query.limit))) take(story);
    return newest(found, query.limit);
  }

  decision(key: string): unknown {
    const row = this.#get("SELECT decision FROM decision WHERE key = ?", key);
    return row === undefined ? null : JSON.parse(row[0] as string);
  }

  backlog(now: number): readonly LaneBacklog[] {
    return readBacklog((sql, ...args) => this.#all(sql, ...args), now);
  }

  body(messageId: number): Uint8Array | null {
    const row = this.#get("SELECT substr(content, prefix_size + 1) FROM message WHERE id = ?", messageId);
    return row === undefined ? null : (row[0] as unknown as Uint8Array);
  }

  extents(segment: number): readonly (readonly [number, number])[] {
    return this.#all("SELECT position, length FROM extent WHERE segment = ? ORDER BY position", segment) as unknown as (readonly [
      number,
      number,
    ])[];
  }

  #entry(id: number): QueueEntry | null {
    const row = this.#get("SELECT meta, extents, substr(content, 1, prefix_size) FROM message WHERE id = ?", id);
    if (row === undefined) return null;
    const recipients = this.#all(`SELECT ${recipientColumns}, state FROM recipient WHERE message = ? ORDER BY n`, id);
    return {
      message: messageOf(row[0] as string, row[1] as string | null, (row[2] as unknown as Uint8Array | null) ?? nothing),
      recipients: recipients.map((recipient) => ({ ...recipientOf(recipient, 0), state: stateName(recipient[recipientWidth] as number) })),
    };
  }

  *#select(filter: QueueFilter, after: number): Iterable<Candidate> {
    for (const candidate of this.#candidates(filter, after)) {
      const [id, principal, sender, receivedAt] = candidate;
      if (filter.principal !== undefined && filter.principal !== principal) continue;
      if (filter.sender !== undefined && !matchesAddress(filter.sender, sender)) continue;
      if (filter.olderThan !== undefined && receivedAt >= filter.olderThan) continue;
      if ((filter.recipient !== undefined || filter.state !== undefined) && !this.#hasRecipient(id, filter)) continue;
      yield candidate;
    }
  }

  *#candidates({ ids, state }: QueueFilter, after: number): Iterable<Candidate> {
    const columns = "id, principal, sender, received_at";
    if (ids !== undefined || (state !== undefined && state !== "queued")) {
      const wanted =
        ids?.filter((id) => id > after).sort((a, b) => a - b) ??
        this.#all(
          `SELECT DISTINCT message FROM recipient WHERE state = ${stateCodes[state as "held"]} AND message > ? ORDER BY message`,
          after,
        ).map(([id]) => id as number);
      for (const id of wanted) {
        const row = this.#get(`SELECT ${columns} FROM message WHERE id = ?`, id);
        if (row !== undefined) yield row as unknown as Candidate;
      }
      return;
    }
    // In pieces: one long read would keep the WAL from beginning anew.
    for (let last = after; ;) {
      const rows = this.#all(`SELECT ${columns} FROM message WHERE id > ? ORDER BY id LIMIT 1000`, last) as unknown as Candidate[];
      yield* rows;
      if (rows.length < 1000) return;
      last = (rows.at(-1) as Candidate)[0];
    }
  }

  #hasRecipient(id: number, { recipient, state }: QueueFilter): boolean {
    const rows = this.#all("SELECT address, state FROM recipient WHERE message = ?", id) as unknown as [string, number][];
    return rows.some(
      ([address, code]) =>
        (recipient === undefined || matchesAddress(recipient, address)) && (state === undefined || code === stateCodes[state]),
    );
  }

  #waitingStory(id: number): Story | null {
    const row = this.#get("SELECT meta FROM message WHERE id = ?", id);
    if (row === undefined) return null;
    const meta = JSON.parse(row[0] as string) as Omit<Story, "recipients" | "attempts" | "events">;
    const recipients = this.#all(`SELECT ${storyColumns} FROM recipient WHERE message = ? ORDER BY n`, id) as unknown as StoryRow[];
    const told = this.#all("SELECT attempt, story FROM event WHERE message = ? ORDER BY seq", id) as unknown as [number, string][];
    return {
      ...meta,
      recipients: recipients.map((recipient) => JSON.parse(storyOfRecipient(recipient)) as TraceRecipient),
      attempts: told.filter(([attempt]) => attempt === 1).map(([, story]) => JSON.parse(story) as TraceAttempt),
      events: told.filter(([attempt]) => attempt === 0).map(([, story]) => JSON.parse(story) as TraceEvent),
    };
  }

  *#findWaiting(query: TraceQuery): Iterable<number> {
    const newest = query.limit;
    let count = 0;
    for (let before = Number.MAX_SAFE_INTEGER; ;) {
      const rows = this.#all("SELECT id, meta, received_at FROM message WHERE id < ? ORDER BY id DESC LIMIT 1000", before) as unknown as [
        number,
        string,
        number,
      ][];
      for (const [id, meta, receivedAt] of rows) {
        if (query.until !== undefined && receivedAt > query.until) continue;
        // Ids rise with time; an hour covers clocks that were set back.
        if (query.since !== undefined && receivedAt < query.since - 3_600_000) return;
        if (query.messageIdField !== undefined && !meta.includes(JSON.stringify(query.messageIdField))) continue;
        if (query.sender !== undefined && !matchesAddress(query.sender, (JSON.parse(meta) as Story).reversePath)) continue;
        if (query.recipient !== undefined && !this.#hasRecipient(id, { recipient: query.recipient })) continue;
        yield id;
        if (++count >= newest) return;
      }
      if (rows.length < 1000) return;
      before = rows.at(-1)?.[0] as number;
    }
  }

  #finishedStories(sql: string, ...args: number[]): Story[] {
    return (this.#all(sql, ...args) as unknown as [string][]).map(([story]) => JSON.parse(story) as Story);
  }

  /** Several looks at one state of the database. */
  #snapshot<T>(look: () => T): T {
    this.#database.exec("BEGIN");
    try {
      return look();
    } finally {
      this.#database.exec("COMMIT");
    }
  }

  #get(sql: string, ...args: (number | string)[]): Row | undefined {
    return this.#statement(sql).get(...args) as unknown as Row | undefined;
  }

  #all(sql: string, ...args: (number | string)[]): Row[] {
    return this.#statement(sql).all(...args) as unknown as Row[];
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function newest(found: ReadonlyMap<number, TraceSummary>, limit: number): TraceSummary[] {
  return [...found.values()].sort((a, b) => b.id - a.id).slice(0, limit);
}

/** Whether what arrived by `latest` is older than everything that would be answered now. */
function arrivedBefore(latest: number, found: ReadonlyMap<number, TraceSummary>, limit: number): boolean {
  if (found.size < limit) return false;
  const last = newest(found, limit).at(-1);
  return last !== undefined && last.receivedAt > latest;
}

function fitsQuery(story: Story, query: TraceQuery): boolean {
  if (query.messageIdField !== undefined && story.messageIdField !== query.messageIdField) return false;
  if (query.sender !== undefined && !matchesAddress(query.sender, story.reversePath)) return false;
  if (query.since !== undefined && story.receivedAt < query.since) return false;
  if (query.until !== undefined && story.receivedAt > query.until) return false;
  const { recipient } = query;
  return recipient === undefined || story.recipients.some(({ address }) => matchesAddress(recipient, address));
}
