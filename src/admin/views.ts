import type { TokenSourceStatus } from "../identity/tokens/token-source.ts";
import { formatId } from "../lib/ids.ts";
import { isoTime } from "../lib/units.ts";
import type { Failure } from "../mail/failure.ts";
import { replyText } from "../mail/reply.ts";
import { enhancedStatus } from "../mail/status.ts";
import type { QueueEntry, TraceRecord, TraceSummary } from "../queue/archive.ts";
import type { RecipientState } from "../queue/store.ts";
import type {
  IdentityView,
  ListenerView,
  QueueEntryView,
  QueueRecipientView,
  RouteView,
  StatusView,
  SummaryView,
  TraceView,
} from "./contract.ts";
import type { ListenerStatus, RouteStatus, StatusSnapshot } from "./gateway.ts";

/** From our values to those of the contract. */
export function statusOf(status: StatusSnapshot): StatusView {
  return {
    ...status,
    startedAt: isoTime(status.startedAt),
    now: isoTime(status.now),
    uptimeMs: Math.round(status.uptimeMs),
    clockOffsetMs: Math.round(status.clockOffsetMs),
    totals: { ...status.totals },
    balance: { ...status.balance },
    oldestQueuedMs: status.oldestQueuedMs === null ? null : Math.max(0, Math.round(status.oldestQueuedMs)),
    counters: { ...status.counters },
    listeners: status.listeners.map(listenerOf),
    routes: status.routes.map(routeOf),
    identities: status.identities.map(identityOf),
  };
}

export function listenerOf(listener: ListenerStatus): ListenerView {
  return { ...listener };
}

export function routeOf(route: RouteStatus): RouteView {
  const { since, retryAt, nextHops, gates, ...rest } = route;
  return {
    ...rest,
    since: isoTime(since),
    ...(retryAt === undefined ? {} : { retryAt: isoTime(retryAt) }),
    gates: gates.map((gate) => ({ ...gate, since: isoTime(gate.since), until: isoTime(gate.until), limit: { ...gate.limit } })),
    ...(nextHops === undefined
      ? {}
      : {
          nextHops: nextHops.map(({ restsUntil, ...hop }) => ({
            ...hop,
            ...(restsUntil === undefined ? {} : { restsUntil: isoTime(restsUntil) }),
          })),
        }),
  };
}

export function identityOf({ credentialExpiresAt, worksWith, lastError, tokens, ...rest }: TokenSourceStatus): IdentityView {
  return {
    ...rest,
    ...(credentialExpiresAt === null ? {} : { credentialExpiresAt: isoTime(credentialExpiresAt) }),
    ...(worksWith === null ? {} : { worksWith }),
    ...(lastError === null ? {} : { lastError: { ...lastError, at: isoTime(lastError.at) } }),
    tokens: tokens.map(({ scope, expiresAt }) => ({ scope, expiresAt: isoTime(expiresAt) })),
  };
}

export function queueEntryOf({ message, recipients }: QueueEntry): QueueEntryView {
  return {
    id: formatId(message.id),
    receivedAt: isoTime(message.receivedAt),
    expiresAt: isoTime(message.expiresAt),
    principal: message.principal,
    from: message.reversePath ?? "<>",
    subject: message.subject,
    messageId: message.messageIdField,
    size: message.content.size + message.prefix.length,
    recipients: recipients.map(recipientOf),
  };
}

interface RecipientFacts {
  readonly address: string;
  readonly state: RecipientState;
  readonly attempts: number;
  readonly notBefore: number;
  readonly lastFailure?: Failure;
  readonly text?: string;
}

function recipientOf(recipient: RecipientFacts): QueueRecipientView {
  const { address, state, attempts, notBefore, lastFailure, text } = recipient;
  const view = { address, state, attempts, notBefore: isoTime(notBefore) };
  if (state === "relayed") return { ...view, ...(text === undefined ? {} : { reason: text }) };
  return lastFailure === undefined ? view : { ...view, ...failureOf(lastFailure) };
}

/** Status, code, and what was said in one line. */
export function failureOf(failure: Failure): { status: string; code: string; reason: string; advice?: string } {
  return {
    status: enhancedStatus(failure.permanent, failure.detail),
    code: failure.code,
    reason: failure.reply === undefined ? failure.text : `${failure.text}: ${replyText(failure.reply)}`,
    ...(failure.advice === undefined ? {} : { advice: failure.advice }),
  };
}

export function summaryOf(summary: TraceSummary): SummaryView {
  return {
    id: formatId(summary.id),
    receivedAt: isoTime(summary.receivedAt),
    from: summary.sender ?? "<>",
    recipients: summary.recipients,
    subject: summary.subject,
    messageId: summary.messageIdField,
    states: summary.states,
  };
}

export function traceOf(record: TraceRecord, story: readonly string[]): TraceView {
  const addresses = new Map(record.recipients.map((recipient) => [recipient.n, recipient.address]));
  return {
    id: formatId(record.id),
    receivedAt: isoTime(record.receivedAt),
    ...(record.finishedAt === undefined ? {} : { finishedAt: isoTime(record.finishedAt) }),
    expiresAt: isoTime(record.expiresAt),
    principal: record.principal,
    origin: { ...record.origin },
    from: record.reversePath ?? "<>",
    author: record.author,
    subject: record.subject,
    messageId: record.messageIdField,
    ...(record.envid === undefined ? {} : { envid: record.envid }),
    priority: record.priority ?? "transactional",
    ...(record.dsnFor === undefined ? {} : { dsnFor: formatId(record.dsnFor) }),
    size: record.size,
    recipients: record.recipients.map(recipientOf),
    attempts: record.attempts.map(({ at, results, durationMs, atLimit, ...attempt }) => ({
      ...attempt,
      ...(atLimit === undefined
        ? {}
        : { atLimit: atLimit.map(({ route, limit, until }) => ({ route, limit: { ...limit }, until: isoTime(until) })) }),
      at: isoTime(at),
      durationMs: Math.round(durationMs),
      results: results.map(({ n, to, text, status }) => ({
        recipient: addresses.get(n) ?? String(n),
        state: to,
        text,
        ...(status === undefined ? {} : { status }),
      })),
    })),
    events: record.events.map(({ at, what, text }) => ({ at: isoTime(at), what, text })),
    story: [...story],
  };
}
