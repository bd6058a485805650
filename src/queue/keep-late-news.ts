import type { Clock } from "../lib/clock.ts";
import type { IdSource } from "../lib/ids.ts";
import type { Archive, TraceRecord } from "./archive.ts";
import type { DsnComposer, DsnKind } from "./dsn-composer.ts";
import { draftDsns } from "./dsns.ts";
import type { LateAction, LateFate, LateFindings, LateNews, LateResult } from "./late-news.ts";
import type { Notice } from "./notices.ts";
import type { QueueOptions } from "./options.ts";
import type { Queue } from "./queue.ts";
import { refusalOf } from "./refusal-of.ts";
import type { QueueLog } from "./queue-log.ts";
import type { Operation, TraceEvent } from "./store.ts";

export interface LateNewsDeps {
  readonly queue: Queue;
  readonly archive: Archive;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly options: QueueOptions;
  readonly dsn: DsnComposer;
  readonly log: QueueLog;
}

/** Events by which each fate is known again. */
const events: Readonly<Record<LateAction, string>> = {
  failed: "bounced",
  delayed: "delay-reported",
  delivered: "delivery-reported",
  relayed: "relay-reported",
};
const noteEvent = "returned";
/** Notes kept of one message: its bounce address may be anybody's by now. */
const maxNotes = 5;

export function createLateNews(deps: LateNewsDeps): LateNews {
  /** The last report about each message that is being recorded: the next one waits, so that it sees what was recorded. */
  const turns = new Map<number, Promise<unknown>>();
  return {
    record(messageId, judge) {
      const before = turns.get(messageId);
      const work = before === undefined ? record(messageId, judge, deps) : before.then(() => record(messageId, judge, deps));
      const turn = work.catch(() => undefined);
      turns.set(messageId, turn);
      void turn.then(() => {
        if (turns.get(messageId) === turn) turns.delete(messageId);
      });
      return work;
    },
  };
}

async function record(messageId: number, judge: (record: TraceRecord) => LateFindings, deps: LateNewsDeps): Promise<LateResult> {
  const { archive, clock, log, dsn, options, ids, queue } = deps;
  const story = await archive.trace(messageId);
  if (story === null) return "forgotten";
  const findings = judge(story);
  const fates = unheard(findings.fates, story);
  const now = clock.now();
  const operations = fates.map((fate): Operation => eventOf(messageId, fateEvent(fate, now)));
  if (findings.note !== undefined && isNewNote(findings.note, story))
    operations.push(eventOf(messageId, { at: now, what: noteEvent, text: findings.note }));
  if (operations.length === 0) return "known";
  const notices = fates.flatMap((fate) => noticeOf(fate, story, dsn));
  const drafts = draftDsns(notices, story, null, { dsn, now, options, nextId: () => ids.next() });
  for (const { kind, recipient, recipients } of drafts)
    operations.push(eventOf(messageId, { at: now, what: "dsn-sent", text: `${kind} notification to ${recipient.address}`, recipients }));
  const messages = drafts.map(({ message, body, recipient }) => ({
    message,
    body,
    addressed: [{ recipient, decision: queue.decide(message, recipient.address) }],
  }));
  try {
    await queue.acceptAll(messages, operations);
  } catch (error) {
    throw refusalOf(error);
  }
  for (const fate of fates) log.heardLater(story, addressOf(fate, story), fate);
  for (const { message, kind } of drafts) log.dsnMade(message, story, kind);
  return "recorded";
}

/** Each recipient has each fate once, also within one report. */
function unheard(fates: readonly LateFate[], { events: heard, recipients }: TraceRecord): readonly LateFate[] {
  const known = new Set<string>();
  for (const { what, recipients: about = recipients.map(({ n }) => n) } of heard) for (const n of about) known.add(`${what} ${n}`);
  return fates.filter(({ n, action }) => {
    const key = `${events[action]} ${n}`;
    if (known.has(key) || !recipients.some((recipient) => recipient.n === n)) return false;
    known.add(key);
    return true;
  });
}

function isNewNote(note: string, { events: heard }: TraceRecord): boolean {
  const notes = heard.filter(({ what }) => what === noteEvent);
  return notes.length < maxNotes && !notes.some(({ text }) => text === note);
}

function fateEvent({ n, action, remote, text }: LateFate, at: number): TraceEvent {
  return { at, what: events[action], text: remote === "" ? text : `by ${remote}: ${text}`, recipients: [n] };
}

function eventOf(messageId: number, event: TraceEvent): Operation {
  return { op: "event", messageId, event };
}

const kinds: Readonly<Record<LateAction, DsnKind | null>> = {
  failed: "failure",
  // Our own words about a delay say what we do next; nobody here knows what another server does.
  delayed: null,
  delivered: "delivered",
  relayed: "relayed",
};

function noticeOf({ n, action, failure, remote }: LateFate, story: TraceRecord, dsn: DsnComposer): Notice[] {
  const kind = kinds[action];
  const recipient = story.recipients.find((one) => one.n === n);
  if (kind === null || recipient === undefined || !dsn.wants(kind, story, recipient)) return [];
  // Of what failed here the sender knows.
  if (recipient.state === "failed" || recipient.state === "expired" || recipient.state === "cancelled") return [];
  return [{ kind, recipient, late: true, ...(failure === undefined ? {} : { failure }), ...(remote === "" ? {} : { remote }) }];
}

function addressOf({ n }: LateFate, { recipients }: TraceRecord): string {
  return recipients.find((recipient) => recipient.n === n)?.address ?? "";
}
