import { formatId } from "../lib/ids.ts";
import type { Failure } from "../mail/failure.ts";
import { replyText } from "../mail/reply.ts";
import { enhancedStatus } from "../mail/status.ts";
import type { DsnKind, DsnMessage, DsnSubject } from "../queue/dsn-composer.ts";
import type { DsnWords, Reason } from "./words/words.ts";

/** Addresses shown for one reason, and reasons shown: the attached report has all of them. */
const maxAddresses = 20;
const maxGroups = 20;
const maxReply = 600;
const width = 76;

/**
 * The part for people: recipients with the same fate are told of together, each reason once; then what an administrator needs.
 * Lines end with LF; the text of others is cleaned by the one who writes the message (wire/dsn).
 */
export function writeDsnText(
  kind: DsnKind,
  message: DsnMessage,
  subjects: readonly DsnSubject[],
  words: DsnWords,
  names: { hostname: string; postmaster: string },
): string {
  const { labels } = words;
  const groups = groupByFate(subjects);
  const lines: string[] = [subjects.length === 1 ? words.opening[kind].one : words.opening[kind].many, ""];
  for (const group of groups.slice(0, maxGroups)) {
    for (const { recipient } of group.slice(0, maxAddresses)) lines.push(`    ${recipient.address}`);
    if (group.length > maxAddresses) lines.push(`    ${words.andMore.replace("{n}", String(group.length - maxAddresses))}`);
    lines.push("");
    const [first] = group;
    if (first !== undefined) lines.push(...tellFate(kind, first, words), "");
  }
  const left = groups.slice(maxGroups).reduce((sum, group) => sum + group.length, 0);
  if (left > 0) lines.push(words.andMore.replace("{n}", String(left)), "");
  lines.push(
    ...wrap(words.closing[kind].replace("{until}", words.formatTime(message.expiresAt)).replace("{who}", names.postmaster), ""),
    "",
  );
  lines.push(`${labels.subject} ${message.subject || words.noSubject}`, `${labels.sent} ${words.formatTime(message.receivedAt)}`, "");
  lines.push(`-- ${labels.technical} --`);
  lines.push(
    `${labels.queueId.replace("{host}", names.hostname)} ${formatId(message.id)}`,
    `${labels.messageId} ${message.messageIdField}`,
  );
  for (const [first] of groups.slice(0, maxGroups)) if (first !== undefined) lines.push(...tellTechnically(kind, first, words));
  return `${lines.join("\n")}\n`;
}

function tellFate(kind: DsnKind, subject: DsnSubject, words: DsnWords): string[] {
  const { labels } = words;
  if (subject.failure === undefined) return wrap(`${labels.reason} ${kind === "delivered" ? words.delivered : words.relayed}`, "  ");
  const { what, todo } = reasonOf(kind, subject, words);
  const lines = wrap(`${labels.reason} ${what}`, "  ");
  // A delayed message needs nothing done: the closing says so.
  if (kind === "failure") lines.push(...wrap(`${labels.advice} ${todo}`, "  "));
  const reply = replyOf(subject);
  if (reply !== null) lines.push(`  ${labels.reply}`, ...wrap(reply, "      "));
  return lines;
}

function tellTechnically(kind: DsnKind, { recipient, failure, remote }: DsnSubject, words: DsnWords): string[] {
  if (failure === undefined) return [];
  const line = `${recipient.address}: ${enhancedStatus(kind === "failure", failure.detail)} ${failure.code}`;
  return [line, ...(remote === undefined ? [] : [`  ${words.labels.host} ${remote}`])];
}

/** The reason in plain words; an expired message is explained by what kept it from leaving. */
function reasonOf(kind: DsnKind, { recipient, failure }: DsnSubject, words: DsnWords): Reason {
  const otherwise = kind === "failure" ? words.otherwise.permanent : words.otherwise.temporary;
  if (failure === undefined) return otherwise;
  const reason = words.reasons[failure.code] ?? otherwise;
  if (failure.code !== "message.expired") return reason;
  const cause = recipient.lastFailure === undefined ? undefined : words.reasons[recipient.lastFailure.code];
  return { what: `${words.expired} ${(cause ?? reason).what}`, todo: (cause ?? reason).todo };
}

/** What a peer said last about this recipient; null when none spoke. */
function replyOf({ recipient, failure }: DsnSubject): string | null {
  const reply = failure?.reply ?? (failure?.code === "message.expired" ? recipient.lastFailure?.reply : undefined);
  if (reply === undefined) return null;
  // Peers repeat the enhanced status on every line; people need it once.
  const lines = reply.lines.map((line, at) => (at === 0 ? line : line.replace(/^[245]\.\d{1,3}\.\d{1,3} +/, "")));
  return replyText({ code: reply.code, lines }).slice(0, maxReply);
}

/** Recipients whom the same thing happened to, in the order of the envelope. */
function groupByFate(subjects: readonly DsnSubject[]): readonly (readonly DsnSubject[])[] {
  const groups = new Map<string, DsnSubject[]>();
  for (const subject of subjects) {
    const fate = `${fateOf(subject.failure)} ${fateOf(subject.recipient.lastFailure)} ${replyOf(subject) ?? ""} ${subject.remote ?? ""}`;
    const group = groups.get(fate);
    if (group === undefined) groups.set(fate, [subject]);
    else group.push(subject);
  }
  return [...groups.values()];
}

function fateOf(failure: Failure | undefined): string {
  return failure === undefined ? "" : `${failure.code} ${failure.detail}`;
}

/** Breaks at spaces so that lines with `indent` keep within `width`; a longer word stays whole. */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  lines.push(line);
  return lines;
}
