/**
 * The story of a message in sentences, for a help desk: `postern trace` and `postern why`.
 *
 * Pure: a record of the archive and the decisions it names come in, lines come out. Nothing is invented: what a line tells is in the
 * record, replies of others verbatim (cleaned of control characters, so that no reply can paint on a terminal), times as the policy clock
 * gave them. "Relayed" is never called delivered: nobody here knows of delivery.
 */
import { formatId } from "../lib/ids.ts";
import { formatDuration, formatSize } from "../lib/units.ts";
import { replyText } from "../mail/reply.ts";
import { enhancedStatus } from "../mail/status.ts";
import type { Failure } from "../mail/failure.ts";
import type { TraceAttempt, TraceRecipient, TraceRecord } from "../queue/archive.ts";
import type { TraceEvent } from "../queue/store.ts";
import { explainDecision, summariseDecision, type DecisionFacts } from "./explain-decision.ts";
import { explainLimit } from "./explain-limit.ts";
import { cleanText } from "../wire/dsn/fields.ts";

export interface StoryTeller {
  /** When it came, from whom, where each recipient stands, and everything that happened, oldest first. */
  story(record: TraceRecord, decisions: ReadonlyMap<string, DecisionFacts>): readonly string[];
  /** Why its routes; with the record and a recipient also what came of them, and what the next attempt will go by if that is another decision. */
  why(decision: DecisionFacts, record?: TraceRecord, n?: number, present?: DecisionFacts): readonly string[];
}

export function createStoryTeller(): StoryTeller {
  return { story: tellStory, why: tellWhy };
}

export function tellStory(record: TraceRecord, decisions: ReadonlyMap<string, DecisionFacts>): readonly string[] {
  const lines = [
    `Message ${formatId(record.id)}: ${record.subject === "" ? "without a subject" : `"${cleanText(record.subject)}"`}, Message-ID ${cleanText(record.messageIdField)}`,
    "",
    `${formatAt(record.receivedAt)}  ${tellArrival(record)}`,
    `  Sender ${record.reversePath ?? "<> (nobody: no notification will be sent)"}${tellAuthor(record)}; ${formatSize(record.size)}; ${count(record.recipients.length, "recipient")}.`,
  ];
  if (record.envid !== undefined) lines.push(`  The sender's own name for it (ENVID): ${cleanText(record.envid)}.`);
  lines.push("", "Where it stands:");
  for (const recipient of record.recipients) {
    lines.push(`  ${recipient.address}: ${tellState(recipient, record)}`);
    const decision = decisions.get(recipient.decision);
    if (decision !== undefined) lines.push(`    ${summariseDecision(decision)}`);
  }
  const happened = tellHappenings(record, () => true);
  const { finishedAt } = record;
  // What is heard later comes behind it.
  if (finishedAt !== undefined) {
    const late = record.events.some(({ at }) => at > finishedAt);
    happened.push({
      at: finishedAt,
      lines: [`${formatAt(finishedAt)}  Finished: ${late ? "no recipient waits any more" : "nothing more will happen"}.`],
    });
  }
  lines.push("", happened.length === 0 ? "Nothing has been tried yet." : "What happened:", ...inOrder(happened));
  if (finishedAt === undefined) lines.push("", `What still waits is given up at ${formatAt(record.expiresAt)}.`);
  return lines;
}

export function tellWhy(decision: DecisionFacts, record?: TraceRecord, n?: number, present?: DecisionFacts): readonly string[] {
  const lines = explainDecision(decision);
  if (record === undefined) return lines;
  const recipient = n === undefined ? undefined : record.recipients.find((one) => one.n === n);
  const happened = tellHappenings(record, (about) => n === undefined || about === undefined || about.includes(n));
  const standing = recipient === undefined ? [] : [`Now: ${tellState(recipient, record)}`];
  const changed =
    present === undefined || sameAnswer(present, decision)
      ? []
      : ["The routing has changed since. As it is now, the next attempt goes so:", ...explainDecision(present)];
  return [
    ...lines,
    ...(happened.length === 0 ? ["Nothing has been tried yet."] : ["What came of it:", ...inOrder(happened)]),
    ...standing,
    ...changed,
  ];
}

/** Another configuration may well say the same about this one message. */
function sameAnswer(a: DecisionFacts, b: DecisionFacts): boolean {
  return a.rule === b.rule && a.candidates.join("\0") === b.candidates.join("\0") && a.pin?.id === b.pin?.id;
}

/** Doors that answer in HTTP. */
const httpDoors: ReadonlySet<string> = new Set(["acs", "sendgrid"]);

function tellArrival({ origin, principal, dsnFor }: TraceRecord): string {
  if (dsnFor !== undefined) return `Postern wrote this notification about message ${formatId(dsnFor)}.`;
  const { clientName = "", clientAddress = "" } = origin;
  const named = clientName === "" || clientName.includes(clientAddress) ? "" : `${clientName} `;
  const client = clientAddress === "" ? clientName : `${named}[${clientAddress}]`;
  const by = `Came in by the door "${origin.door}"${client === "" ? "" : ` from ${cleanText(client)}`}`;
  if (origin.door === "pickup")
    return `${by}, a file on this machine, as "${principal}". It was safely on disk before the file was deleted.`;
  if (origin.door === "sendmail")
    return `${by}, on this machine, as "${principal}". It was safely on disk before the sender got the answer 250.`;
  const how = origin.tls === undefined ? "without encryption" : `encrypted with ${origin.tls}`;
  const network = /^net:(.*)$/.exec(principal)?.[1];
  const who =
    origin.auth === undefined && network !== undefined
      ? `trusted as a member of network "${network}"`
      : `logged in as "${principal}"${origin.auth === undefined ? "" : ` by ${origin.auth}`}`;
  return `${by}, ${how}, ${who}. It was safely on disk before the sender got the answer ${httpDoors.has(origin.door) ? 202 : 250}.`;
}

function tellAuthor({ author, reversePath }: TraceRecord): string {
  return author === "" || author === reversePath ? "" : `, written by ${cleanText(author)}`;
}

function tellState(recipient: TraceRecipient, record: TraceRecord): string {
  const { state, attempts, notBefore, lastFailure, text } = recipient;
  const last = lastFailure === undefined ? "" : ` Last reason: ${tellFailure(lastFailure)}`;
  const id = formatId(record.id);
  switch (state) {
    case "relayed":
      return `relayed: the next hop took it over${text === undefined || text === "" ? "." : `, saying "${cleanText(text)}".`}${tellBounce(recipient, record)}`;
    case "queued":
      return attempts === 0
        ? `waits for its first attempt.${last}`
        : `waits for attempt ${attempts + 1}, not before ${formatAt(notBefore)}.${last}`;
    case "leased":
      return `attempt ${attempts + 1} is under way, or about to be.${last}`;
    case "inDoubt":
      return `in doubt: the next hop may have taken it, so it is not repeated by itself. Decide with \`postern queue retry ${id}\` or \`postern queue drop ${id}\`.${last}`;
    case "held":
      return `held: it waits for an operator (\`postern queue release ${id}\`).${last}`;
    case "failed":
      return `failed for good.${last}`;
    case "expired":
      return `given up after ${formatDuration(record.expiresAt - record.receivedAt)} and ${count(attempts, "attempt")}.${last}`;
    case "cancelled":
      return `removed by an operator.${last}`;
    default:
      return state satisfies never;
  }
}

/** What became known after a next hop had taken it over. */
function tellBounce({ n }: TraceRecipient, { events }: TraceRecord): string {
  const bounce = events.find(({ what, recipients }) => what === "bounced" && recipients?.includes(n) === true);
  return bounce === undefined ? "" : ` It bounced later ${cleanText(bounce.text)}`;
}

interface Happening {
  readonly at: number;
  readonly lines: readonly string[];
}

/** Attempts and events. */
function tellHappenings(record: TraceRecord, about: About): Happening[] {
  const addresses = new Map(record.recipients.map(({ n, address }) => [n, address]));
  const told: Happening[] = [];
  // They are recorded in the order of their ends; people count them by their beginnings.
  [...record.attempts]
    .sort((a, b) => a.at - b.at)
    .forEach((attempt, index) => {
      if (about(attempt.results.map(({ n }) => n))) told.push({ at: attempt.at, lines: tellAttempt(attempt, index, addresses, about) });
    });
  for (const event of record.events)
    if (about(event.recipients)) told.push({ at: event.at, lines: [`${formatAt(event.at)}  ${tellEvent(event, addresses)}`] });
  return told;
}

/** Sorting is stable: what happened in one millisecond stays in the order of the record. */
function inOrder(happened: readonly Happening[]): readonly string[] {
  return happened.toSorted((a, b) => a.at - b.at).flatMap(({ lines }) => lines);
}

type About = (recipients: readonly number[] | undefined) => boolean;

function tellAttempt(attempt: TraceAttempt, index: number, addresses: ReadonlyMap<number, string>, about: About): string[] {
  const { route, remote, address, durationMs } = attempt;
  const where = address === undefined || remote.includes(address) ? remote : `${remote} [${address}]`;
  // Nothing was sent over a network: no connection was made, or it went to a folder.
  const how = address === undefined && attempt.tls === undefined ? "" : ` (${tellSecurity(attempt)})`;
  const lines = [
    `${formatAt(attempt.at)}  Attempt ${index + 1} by route "${route}" to ${cleanText(where)}${how}, ${formatDuration(durationMs)}:`,
  ];
  for (const { route: name, limit, until } of attempt.atLimit ?? [])
    lines.push(
      name === route
        ? `    It had waited for a limit of this route, until ${formatAt(until)}: ${explainLimit(limit)}.`
        : `    Route "${name}" was at its limit, with room at ${formatAt(until)}: ${explainLimit(limit)}.`,
    );
  // All recipients with the same answer share a line.
  const answers = new Map<string, string[]>();
  for (const { n, to, text, status } of attempt.results) {
    if (!about([n])) continue;
    const answer = `${outcomeWords[to]}${status === undefined ? "" : ` ${status}`}${text === "" ? "" : `: "${cleanText(text)}"`}`;
    const who = addresses.get(n) ?? `recipient ${n}`;
    const group = answers.get(answer);
    if (group === undefined) answers.set(answer, [who]);
    else group.push(who);
  }
  for (const [answer, who] of answers) lines.push(`    ${listed(who)} ${answer}`);
  return lines;
}

function tellSecurity({ tls, verified, security, securityNote }: TraceAttempt): string {
  const why = securityNote === undefined ? "" : `: ${cleanText(securityNote)}`;
  if (tls === undefined) return `without encryption${why}`;
  if (security === "dane") return `${tls}, certificate as the destination's TLSA record (DANE) demands`;
  const certificate = `${tls}, certificate ${verified === true ? "verified" : "not verified"}`;
  return security === "mta-sts" ? `${certificate} as the destination's MTA-STS policy demands` : `${certificate}${why}`;
}

const outcomeWords = {
  relayed: "relayed",
  queued: "delayed",
  leased: "under way",
  inDoubt: "in doubt",
  held: "held",
  failed: "failed",
  expired: "given up",
  cancelled: "removed",
} as const;

const eventWords: Readonly<Record<string, string>> = {
  "dsn-sent": "The sender was told",
  held: "Held",
  released: "Released",
  retried: "An operator asked for a new attempt",
  cancelled: "Removed by an operator",
  "route-switched": "Another route",
  "in-doubt": "In doubt",
  limited: "It waits for a limit",
  "x-smtpapi": "It came with X-SMTPAPI",
  "sendgrid-api": "It came by the SendGrid API",
  bounced: "Bounced later",
  "delay-reported": "Delayed later, as reported",
  "delivery-reported": "Delivered, as reported",
  "relay-reported": "Passed on further, as reported",
  returned: "Came back",
};

function tellEvent({ what, text, recipients }: TraceEvent, addresses: ReadonlyMap<number, string>): string {
  const who =
    recipients === undefined || recipients.length === addresses.size
      ? ""
      : ` (about ${listed(recipients.map((n) => addresses.get(n) ?? `recipient ${n}`))})`;
  return `${eventWords[what] ?? what}${text === "" ? "" : `: ${cleanText(text)}`}${who}`;
}

function tellFailure({ permanent, detail, text, reply, code, advice }: Failure): string {
  const words = reply === undefined ? "" : ` It said: "${cleanText(replyText(reply))}".`;
  const todo = advice === undefined ? "" : ` What to do: ${cleanText(advice)}`;
  return `${cleanText(text).replace(/\.?$/, ".")}${words} (${enhancedStatus(permanent, detail)}, ${code})${todo}`;
}

/** Three are named, the others counted. */
function listed(addresses: readonly string[]): string {
  return addresses.length <= 3 ? addresses.join(", ") : `${addresses.slice(0, 3).join(", ")} and ${addresses.length - 3} more:`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/** `2026-11-21 11:38:00Z` */
function formatAt(at: number): string {
  return new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}
