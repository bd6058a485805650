/**
 * What senders are told: delivery status notifications for failures, delays, and successes that no next hop will report (RFC 3461, 3464).
 *
 * Implements the queue's port, so that a state and its notification commit together: pure, no clock, no randomness; the same notice about
 * the same message at the same time gives the same bytes. The queue decides when to ask and where the notification goes; notify.ts who
 * gets one; dsn-text.ts writes for people in the words of words/, wire/dsn the rest.
 */
import { formatId } from "../lib/ids.ts";
import { enhancedStatus, parseEnhancedStatus } from "../mail/status.ts";
import type { ComposedDsn, DsnComposer, DsnKind, DsnMessage, DsnSubject } from "../queue/dsn-composer.ts";
import { composeStatusReport, type ReportedRecipient } from "../wire/dsn/compose.ts";
import { cleanText, field } from "../wire/dsn/fields.ts";
import { encodeWords } from "../wire/mime/encoded-words.ts";
import { formatDate } from "../wire/smtp/date.ts";
import { writeDsnText } from "./dsn-text.ts";
import { wantsDsn } from "./notify.ts";
import { english } from "./words/english.ts";
import type { DsnWords } from "./words/words.ts";

export interface DsnOptions {
  /** Our name, as in our greeting. */
  readonly hostname: string;
  /** Sender in the header of notifications, `local@domain`. */
  readonly postmaster: string;
  readonly words?: DsnWords;
}

export function createDsnComposer(options: DsnOptions): DsnComposer {
  return {
    wants: (kind, message, recipient) => wantsDsn(kind, recipient, message.reversePath),
    compose: (kind, message, subjects, original, now) => composeDsn(kind, message, subjects, original, now, options),
  };
}

export function composeDsn(
  kind: DsnKind,
  message: DsnMessage,
  subjects: readonly DsnSubject[],
  original: { readonly bytes: Buffer; readonly whole: boolean } | null,
  now: number,
  { hostname, postmaster, words = english }: DsnOptions,
): ComposedDsn {
  const { reversePath } = message;
  if (reversePath === null) throw new TypeError("a notification cannot go to the null reverse-path");
  const subject = words.subject[kind] + (message.subject || words.noSubject);
  const messageIdField = `<${formatId(message.id)}.${kind}.${subjects[0]?.recipient.n ?? 0}.${now.toString(36)}@${hostname}>`;
  const content = composeStatusReport({
    messageIdField,
    date: now,
    author: { name: words.senderName, address: postmaster },
    to: reversePath,
    subject,
    text: writeDsnText(kind, message, subjects, words, { hostname, postmaster }),
    inReplyTo: message.messageIdField,
    reportingMta: hostname,
    queueId: formatId(message.id),
    arrivalDate: message.receivedAt,
    ...(message.envid === undefined ? {} : { envelopeId: message.envid }),
    recipients: subjects.map((about) => reportRecipient(kind, message, about, now)),
    // RFC 3461 §4.3: RET is about failures; other notifications return the header section only.
    original:
      original === null
        ? { bytes: knownHeader(message), whole: false }
        : { bytes: original.bytes, whole: original.whole && kind === "failure" },
  });
  return { content, subject, messageIdField, author: postmaster };
}

/** RFC 6522 §4: what of a header section is returned is up to the reporter; these fields are what readers and programs find a message by. */
function knownHeader({ author, subject, messageIdField, receivedAt }: DsnMessage): Buffer {
  const fields = [
    ...(author === "" ? [] : [field("From", author, false)]),
    field("Subject", encodeWords(cleanText(subject)), true),
    field("Date", formatDate(receivedAt), true),
    field("Message-ID", messageIdField, true),
  ];
  return Buffer.from(`${fields.join("")}\r\n`);
}

const actions = { failure: "failed", delay: "delayed", relayed: "relayed", delivered: "delivered" } as const;

function reportRecipient(kind: DsnKind, message: DsnMessage, subject: DsnSubject, now: number): ReportedRecipient {
  const { recipient, failure } = subject;
  const reply = failure?.reply ?? (failure?.code === "message.expired" ? recipient.lastFailure?.reply : undefined);
  const remoteMta = subject.remote === undefined ? null : remoteHost(subject.remote);
  return {
    address: recipient.address,
    ...(recipient.orcpt === undefined ? {} : { orcpt: recipient.orcpt }),
    action: actions[kind],
    status: failure === undefined ? successStatus(subject.text) : enhancedStatus(kind === "failure", failure.detail),
    // RFC 3464 §2.3.5: only when it was a peer that reported the status.
    ...(remoteMta === null || (failure !== undefined && reply === undefined) ? {} : { remoteMta }),
    ...(failure === undefined ? {} : { diagnostic: reply === undefined ? { code: failure.code, text: failure.text } : { reply } }),
    // The queue names the next hop when it has just tried it.
    ...(subject.remote === undefined || subject.late === true ? {} : { lastAttempt: now }),
    ...(kind === "delay" ? { willRetryUntil: message.expiresAt } : {}),
  };
}

/** RFC 3463 §2: the next hop's own status when its reply told one, else "other success". */
function successStatus(text: string | undefined): string {
  const status = text === undefined ? null : parseEnhancedStatus(text.replace(/^\d{3}[ -]/, ""));
  return status?.class === 2 ? `2.${status.detail}` : "2.0.0";
}

/** Host of `host:port` as RFC 3464 §2.3.5 wants it; null for what is no network name (a folder). */
function remoteHost(remote: string): string | null {
  const host = /^(?:\[([0-9A-Fa-f:.]+)\]|([^/\\\s:]+))(?::\d{1,5})?$/.exec(remote);
  if (host === null) return null;
  if (host[1] !== undefined) return host[1].includes(":") ? `[IPv6:${host[1]}]` : `[${host[1]}]`;
  const name = host[2] ?? "";
  return /^[\d.]+$/.test(name) ? `[${name}]` : name;
}
