import type { LimitName } from "../limits/limits.ts";
import type { DeliverySecurity } from "../mail/delivery-security.ts";
import type { Envelope, Notify } from "../mail/envelope.ts";
import type { Failure } from "../mail/failure.ts";
import type { Priority } from "../mail/priority.ts";

/**
 * The durable state that the queue needs; `store/sqlite` implements it.
 *
 * Duties of the store: `apply` resolves when the operations are on stable storage, all of one call or none; calls made while a commit is
 * under way share the next one (natural batching, no timer), and are applied in the order of the calls. A failed sync rejects, and
 * everything after it rejects too (`StoreFailed`): the descriptor is never tried again; the process restarts. Lack of space rejects with
 * `StoreFull` and harms nothing that was stored; settlements still fit then (a ballast is released for them).
 * `claim` never hands out a recipient twice while it is leased. Nothing here blocks the event loop.
 * Duties of the queue: only legal moves of the state machine (queue.ts); only one store on a data directory.
 *
 * Times are policy-clock ms.
 */
export interface QueueStore extends AsyncDisposable {
  apply(operations: readonly Operation[]): Promise<void>;
  /**
   * Leases `max` due recipients of one lane, oldest `notBefore` first, and all others of the last one's message that are due there; the lease
   * is as durable as an `apply`.
   */
  claim(lane: number, now: number, max: number): Promise<Claim>;
  /** Leases up to `max` queued recipients of any lane whose message has outlived its `expiresAt`. */
  claimExpired(now: number, max: number): Promise<readonly ClaimedMessage[]>;
  /** Every lane that has queued recipients, with its earliest `notBefore`. Costs a look per lane, not per message. */
  lanes(): Promise<readonly LaneDue[]>;
  /** Space for content that is too large for a row, written before the operation that names it. */
  openContent(): ContentWriter;
  /** The content of a stored message. */
  readContent(content: StoredContent, messageId: number): AsyncIterable<Uint8Array>;
  /** The totals that must balance, as of the last commit; kept by the store so that start-up counts nothing. */
  totals(): Totals;
  /** The highest message id ever stored, from which ids go on. */
  readonly lastId: number;
  /** Bytes that may still be used before acceptance must stop; measured, at most a second old. */
  freeBytes(): number;
}

/** Recipients by state. accepted = relayed + failed + expired + cancelled + queued + leased + inDoubt + held, always. */
export interface Totals {
  readonly messages: number;
  readonly queued: number;
  readonly leased: number;
  readonly inDoubt: number;
  readonly held: number;
  readonly accepted: number;
  readonly relayed: number;
  readonly failed: number;
  readonly expired: number;
  readonly cancelled: number;
}

export type WaitingState = "queued" | "leased" | "inDoubt" | "held";
export type FinalState = "relayed" | "failed" | "expired" | "cancelled";
export type RecipientState = WaitingState | FinalState;

export interface LaneDue {
  readonly lane: number;
  readonly notBefore: number;
}

export interface Claim {
  readonly messages: readonly ClaimedMessage[];
  /** Earliest `notBefore` still queued in the lane after this claim; null when the lane is empty. */
  readonly nextDue: number | null;
}

export interface ClaimedMessage {
  readonly message: StoredMessage;
  readonly recipients: readonly StoredRecipient[];
  /** The content when it is stored in the row (small); null: read it. */
  readonly body: Uint8Array | null;
}

/** A message as stored, without its content. */
export interface StoredMessage {
  readonly id: number;
  readonly receivedAt: number;
  /** Who submitted: a principal's or a network's name. */
  readonly principal: string;
  /** How it came: for the trace. */
  readonly origin: Origin;
  readonly reversePath: string | null;
  readonly envid?: string;
  readonly ret?: NonNullable<Envelope["ret"]>;
  readonly smtputf8?: true;
  /** Message-ID field, with angle brackets, as sent or as added. */
  readonly messageIdField: string;
  /** First 200 characters of the Subject, decoded as far as it is plain; for the trace. */
  readonly subject: string;
  /** Author addresses (From:), at most 3. */
  readonly author: string;
  readonly content: StoredContent;
  /** Bytes put before the content when it is sent. */
  readonly prefix: Uint8Array;
  /** Absent: transactional. */
  readonly priority?: Priority;
  /** When recipients that are still waiting expire. */
  readonly expiresAt: number;
  /** A DSN made by us names the message it is about. */
  readonly dsnFor?: number;
}

export interface Origin {
  /** `smtp`, `submission`, `submissions`, `legacy`, `sendmail`, `pickup`, `dsn`, `admin`, `acs`, `sendgrid`. */
  readonly door: string;
  readonly clientAddress?: string;
  readonly clientName?: string;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`. */
  readonly tls?: string;
  /** SASL mechanism; over HTTP `HMAC-SHA256` or `Bearer`. */
  readonly auth?: string;
  /** Over HTTP, when the client named its request: SHA-256 of the body, base64; tells a repetition from another message. */
  readonly request?: string;
}

export interface StoredContent {
  /** Bytes, without prefix. */
  readonly size: number;
  readonly leadingDots: boolean;
  readonly eightBit: boolean;
  /** Where a large one lies; absent: in the message's row. */
  readonly extents?: readonly Extent[];
}

export interface Extent {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

export interface StoredRecipient {
  /** Position in the message's envelope, from 0: with the message id the recipient's key. */
  readonly n: number;
  readonly address: string;
  readonly notify?: Notify;
  readonly orcpt?: string;
  /** Fairness lane; see lanes.ts. */
  readonly lane: number;
  /** Which decision (routing/decide.ts) chose the routes; the text is stored once by `decision` operations. */
  readonly decision: string;
  readonly attempts: number;
  readonly notBefore: number;
  /** The last failure, for the DSN and for people. */
  readonly lastFailure?: Failure;
  /** A delay DSN has been sent. */
  readonly delayTold?: true;
}

export interface ContentWriter {
  /** Resolves when more may be written; keeps the piece until then. */
  write(piece: Uint8Array): void | Promise<void>;
  /** Resolves with the place when every byte is on stable storage. */
  finish(): Promise<readonly Extent[]>;
  /** Gives the space back. */
  abort(): void;
}

export type Operation =
  /** A new message. `recipients` start `queued`, `leased` (the accepter will attempt at once) or `held`. */
  | {
      readonly op: "accept";
      readonly message: StoredMessage;
      readonly body: Uint8Array | null;
      readonly recipients: readonly NewRecipient[];
    }
  /** The outcome of an attempt, or an expiry, for some recipients of one message. A message with only final recipients moves to the history. */
  | { readonly op: "settle"; readonly messageId: number; readonly recipients: readonly Settlement[]; readonly attempt?: Attempt }
  /**
   * Leased recipients are about to be passed to a next hop that must not get them twice (trait `inDoubt: wait`): when a crash ends the lease
   * from now on, they are in doubt instead of queued.
   */
  | { readonly op: "begin"; readonly messageId: number; readonly recipients: readonly number[] }
  /** A routing decision, stored once for its key. */
  | { readonly op: "decision"; readonly key: string; readonly decision: unknown }
  /** Recipients that were routed anew; of those that wait no more nothing is changed. */
  | { readonly op: "rerouted"; readonly messageId: number; readonly recipients: readonly number[]; readonly decision: string }
  /** Something that happened to a message besides attempts: told in its trace. */
  | { readonly op: "event"; readonly messageId: number; readonly event: TraceEvent };

/** A recipient as it is accepted. */
export interface NewRecipient extends StoredRecipient {
  readonly state: "queued" | "leased" | "held";
}

export interface Settlement {
  readonly n: number;
  readonly from: WaitingState;
  readonly to: RecipientState;
  readonly notBefore?: number;
  /** The lane when it changes. */
  readonly lane?: number;
  readonly attempts?: number;
  readonly failure?: Failure;
  /** The last reply on success. */
  readonly text?: string;
  readonly delayTold?: true;
}

/** One attempt, as the trace tells it. */
export interface Attempt {
  readonly at: number;
  readonly durationMs: number;
  readonly route: string;
  readonly remote: string;
  readonly address?: string;
  readonly tls?: string;
  readonly verified?: boolean;
  readonly security?: DeliverySecurity;
  /** Why it was not protected better. */
  readonly securityNote?: string;
  /** Routes that would have come before this one, but were at a limit; and this one, if the recipients had to wait for its limit. */
  readonly atLimit?: readonly AtLimit[];
}

/** A route that a limit kept from being used, with the numbers of that moment. */
export interface AtLimit {
  readonly route: string;
  readonly limit: LimitName;
  /** When it was to have room, or had. */
  readonly until: number;
}

export interface TraceEvent {
  readonly at: number;
  /** `dsn-sent`, `held`, `released`, `retried`, `cancelled`, `route-switched`, `in-doubt`, … */
  readonly what: string;
  readonly text: string;
  readonly recipients?: readonly number[];
}

/** No room: acceptance stops, what is stored is safe. */
export class StoreFull extends Error {
  override readonly name = "StoreFull";
}

/** The store cannot go on (failed sync, I/O error, lost disk): every later call rejects with it too. */
export class StoreFailed extends Error {
  override readonly name = "StoreFailed";
}

/** The operations do not fit what is stored (a state other than `from`, an id that exists): a bug of the caller. Nothing of the call was applied. */
export class StoreConflict extends Error {
  override readonly name = "StoreConflict";
}
