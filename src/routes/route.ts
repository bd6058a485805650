import type { DeliverySecurity } from "../mail/delivery-security.ts";
import type { Envelope, Recipient } from "../mail/envelope.ts";
import type { Failure } from "../mail/failure.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Price, SenderRule } from "../services/service.ts";

/**
 * The port of all ways out. Adapters are factories that take parsed options: `smtp/`, `sink/`; each runs route.contract.ts.
 *
 * Duties of the adapter: `deliver` answers for every recipient of the transaction and for no other; it answers with values and throws only
 * for bugs (or when `signal` aborts before anything was sent); a bad recipient harms no other; it never retries on its own a message that a
 * next hop may have taken: that is the outcome `delayed` with `inDoubt`. It reports a trouble of the whole route with scope `route`.
 * Duties of the caller: no more than `traits.concurrency` calls of `deliver` at a time; `content` may be read more than once; the map's
 * keys are the very Recipient objects of the transaction.
 */
export interface Route extends AsyncDisposable {
  readonly name: string;
  /** `smtp`, `sink`, …: the adapter. For display; shared code reads traits. */
  readonly kind: string;
  readonly traits: RouteTraits;
  deliver(transaction: Transaction, signal: AbortSignal): Promise<Delivery>;
  /** Tries the way up to but not including a message; resolves with what was found, never throws. For circuits and `doctor`. */
  probe(signal: AbortSignal): Promise<ProbeResult>;
  /** Each server that it leads to, where there may be several. */
  nextHops?(): readonly NextHop[];
}

/** One of several servers of a route, and how it does. */
export interface NextHop {
  /** `host:port` */
  readonly remote: string;
  /** What it had trouble with last; absent: it works, or was not tried yet. */
  readonly trouble?: string;
  /** Policy-clock ms; until then others are tried before it. */
  readonly restsUntil?: number;
}

/** What shared code may ask about a route instead of its kind. */
export interface RouteTraits {
  /** Calls of `deliver` that the route can make use of at a time. */
  readonly concurrency: number;
  /** Bytes, as published or configured; null when unknown until the next hop says (its SIZE). */
  readonly maxSize: number | null;
  /** Recipients in one transaction; the queue splits above it. */
  readonly maxRecipients: number;
  /** Whether each destination domain is reached on its own (direct MX), so that a trouble of one says nothing about others. */
  readonly perDestination: boolean;
  readonly keepsReversePath: boolean;
  /** What it puts in the reverse-path's place is a bounce address of ours, so that what later hops return comes here; absent: no. */
  readonly hearsBounces?: boolean;
  readonly keepsHeaders: boolean;
  readonly smtputf8: boolean;
  /** Whether it takes the null reverse-path, so that DSNs can leave by it. */
  readonly takesNullReversePath: boolean;
  readonly external: boolean;
  /** Recipients in accepted domains; absent: yes. */
  readonly internal?: boolean;
  /** Whom it lets stand in MAIL FROM and From (services/service.ts); absent: whoever. */
  readonly senderRule?: SenderRule;
  /** Address of the account or mailbox that logs in, lower case; absent: none, or not known. */
  readonly account?: string;
  /** Patterns (mail/address.ts) of addresses it may use besides the account; absent: not known. */
  readonly senders?: readonly string[];
  /** It writes the account where the sender rule would refuse; Reply-To then leads to the author. */
  readonly rewritesSender?: boolean;
  /** A copy lands in Sent Items of the account; absent: no. */
  readonly savesToSentItems?: boolean;
  /** null: in the licence; absent: not known. */
  readonly price?: Price | null;
  /** The next hop drops a second copy by itself, so that repeating is harmless. */
  readonly deduplicates: boolean;
  /**
   * What to do with recipients in doubt (answer lost, or a crash while leased): `retry` sends again, as RFC 5321 §4.5.3.2.6 has it, at the
   * risk of a second copy; `wait` keeps them in doubt until reconciled or decided: for routes that cost money or count.
   */
  readonly inDoubt: "retry" | "wait";
}

export interface Transaction {
  /** Our id of the message, for logs and remote correlation. */
  readonly messageId: number;
  readonly envelope: Envelope;
  /** Those of the envelope that this transaction is for. */
  readonly recipients: readonly Recipient[];
  readonly content: OutgoingContent;
}

/** The message's bytes as they go out: unstuffed, CRLF line ends; first what we put on top (our Received field), then the content as received. */
export interface OutgoingContent {
  /** Bytes. */
  readonly size: number;
  /** A line begins with a dot. */
  readonly leadingDots: boolean;
  readonly eightBit: boolean;
  /** All of it, when it is in memory; null when it must be streamed. */
  readonly inMemory: readonly Uint8Array[] | null;
  /** All of it, as pieces from memory or disk; each call starts anew. */
  stream(): AsyncIterable<Uint8Array>;
}

export interface Delivery {
  readonly outcomes: ReadonlyMap<Recipient, Outcome>;
  /** For the trace. */
  readonly session: DeliverySession;
}

export interface DeliverySession {
  /** Name of the next hop as configured or found, `host:port`, or a path. */
  readonly remote: string;
  readonly address?: string;
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`; absent without TLS. */
  readonly tls?: string;
  /** Whether the certificate was verified. */
  readonly verified?: boolean;
  /** What protected the transaction; absent where nothing was sent over a network. */
  readonly security?: DeliverySecurity;
  /** Why it was not protected better: half a sentence, for the trace. */
  readonly securityNote?: string;
  /** The next hop speaks DSN (RFC 3461) and was handed the wishes of the sender, so that success is its to report. */
  readonly dsn?: true;
}

export interface ProbeResult {
  readonly ok: boolean;
  /** One sentence. */
  readonly text: string;
  /** Why it is not ok, where that is known. */
  readonly failure?: Failure;
  readonly steps: readonly { readonly name: string; readonly ok: boolean; readonly text: string }[];
}
