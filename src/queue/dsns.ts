import type { Recipient } from "../mail/envelope.ts";
import type { OutgoingContent } from "../routes/route.ts";
import type { DsnComposer, DsnKind, DsnMessage } from "./dsn-composer.ts";
import type { Notice } from "./notices.ts";
import type { QueueOptions } from "./options.ts";
import type { Operation, Settlement, StoredMessage } from "./store.ts";

/** A DSN ready to be accepted. */
export interface DsnDraft {
  readonly kind: DsnKind;
  readonly message: StoredMessage;
  readonly body: Uint8Array;
  readonly recipient: Recipient;
  /** Positions of the recipients it tells about. */
  readonly recipients: readonly number[];
}

export interface DsnContext {
  readonly dsn: DsnComposer;
  readonly now: number;
  readonly options: QueueOptions;
  readonly nextId: () => number;
}

/** The header section is looked for in so many bytes when the whole is too large to return. */
const headerBytes = 64 * 1024;

/** The principal that DSNs are submitted by. */
export const dsnPrincipal = "postern";

/** Composes one DSN for each kind of notice, all to the reverse-path of `about`, which must not be null. */
export async function makeDsns(
  notices: readonly Notice[],
  about: StoredMessage,
  content: OutgoingContent,
  context: DsnContext,
): Promise<readonly DsnDraft[]> {
  if (about.reversePath === null) return [];
  const whole = about.ret === "FULL" && content.size <= context.options.dsnReturn;
  const bytes = await beginning(content, whole ? content.size : Math.min(headerBytes, content.size));
  return draftDsns(notices, about, { bytes, whole }, context);
}

/** @param original null: it is there no more */
export function draftDsns(
  notices: readonly Notice[],
  about: DsnMessage,
  original: { readonly bytes: Buffer; readonly whole: boolean } | null,
  context: DsnContext,
): readonly DsnDraft[] {
  const { reversePath } = about;
  if (reversePath === null) return [];
  const drafts: DsnDraft[] = [];
  for (const kind of new Set(notices.map((notice) => notice.kind))) {
    const subjects = notices.filter((notice) => notice.kind === kind);
    const composed = context.dsn.compose(kind, about, subjects, original, context.now);
    const id = context.nextId();
    const message: StoredMessage = {
      id,
      receivedAt: context.now,
      principal: dsnPrincipal,
      origin: { door: "dsn" },
      reversePath: null,
      messageIdField: composed.messageIdField,
      subject: composed.subject,
      author: composed.author,
      content: {
        size: composed.content.length,
        leadingDots: hasLeadingDot(composed.content),
        eightBit: composed.content.some((byte) => byte > 127),
      },
      prefix: new Uint8Array(0),
      expiresAt: context.now + context.options.lifetimeMs,
      dsnFor: about.id,
      // RFC 6533 §4: it needs SMTPUTF8 only when it goes to an address that does.
      ...(/[^\x00-\x7f]/.test(reversePath) ? { smtputf8: true as const } : {}),
    };
    // RFC 3461 §6.1: a DSN asks for no notification about itself.
    const recipient: Recipient = { address: reversePath, notify: { never: true, success: false, failure: false, delay: false } };
    drafts.push({ kind, message, body: composed.content, recipient, recipients: subjects.map(({ recipient: { n } }) => n) });
  }
  return drafts;
}

async function beginning(content: OutgoingContent, bytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of content.stream()) {
    pieces.push(piece);
    size += piece.length;
    if (size >= bytes) break;
  }
  return Buffer.concat(pieces).subarray(0, bytes);
}

function hasLeadingDot(content: Buffer): boolean {
  return content[0] === 0x2e || content.indexOf("\n.") >= 0;
}

/** A DSN that its receiver's side refuses is held for the postmaster, never dropped and never answered by another. */
export function keepFailedDsn(messageId: number, operations: readonly Operation[], at: number): Operation[] {
  return operations.flatMap((operation): Operation[] => {
    if (operation.op !== "settle") return [operation];
    const lost = operation.recipients.filter(({ to }) => to === "failed" || to === "expired");
    if (lost.length === 0) return [operation];
    const back = operation.recipients.map((settlement): Settlement =>
      lost.includes(settlement) ? { ...settlement, to: "queued", notBefore: at } : settlement,
    );
    return [
      { ...operation, recipients: back },
      { op: "settle", messageId, recipients: lost.map(({ n }) => ({ n, from: "queued", to: "held" })) },
      { op: "event", messageId, event: { at, what: "held", text: "the notification could not be passed on: held for the postmaster" } },
    ];
  });
}

/** Notes on the settlement that the sender has been told of the delay. */
export function markTold(operations: readonly Operation[], notices: readonly Notice[]): Operation[] {
  const told = new Set(notices.filter(({ kind }) => kind === "delay").map(({ recipient }) => recipient.n));
  if (told.size === 0) return [...operations];
  return operations.map((operation) =>
    operation.op === "settle"
      ? {
          ...operation,
          recipients: operation.recipients.map((settlement) =>
            told.has(settlement.n) ? { ...settlement, delayTold: true as const } : settlement,
          ),
        }
      : operation,
  );
}
