import type { Failure } from "../mail/failure.ts";
import type { StoredMessage, StoredRecipient } from "./store.ts";

/**
 * What a notification tells: `relayed` is the success of a next hop that cannot confirm delivery itself (RFC 3461 §5.2.2), `delivered` what
 * another server has reported.
 */
export type DsnKind = "failure" | "delay" | "relayed" | "delivered";

/** The message that it is about, as far as it needs to be known: it may be long finished. */
export type DsnMessage = Pick<
  StoredMessage,
  "id" | "receivedAt" | "expiresAt" | "reversePath" | "messageIdField" | "subject" | "author" | "envid"
>;
export type DsnRecipient = Pick<StoredRecipient, "n" | "address" | "notify" | "orcpt" | "lastFailure">;

export interface DsnSubject {
  readonly recipient: DsnRecipient;
  /** Absent for `relayed` and `delivered`. */
  readonly failure?: Failure;
  /** The next hop's reply on success. */
  readonly text?: string;
  /** Name of the next hop, when one spoke. */
  readonly remote?: string;
  /** It was told later: when it was last tried is not known. */
  readonly late?: true;
}

export interface ComposedDsn {
  /** The whole message, CRLF line ends, header included. */
  readonly content: Buffer;
  readonly subject: string;
  /** With angle brackets. */
  readonly messageIdField: string;
  readonly author: string;
}

/** The port that reports/ implements, so that a failed state and its DSN commit together. Pure: time comes in. */
export interface DsnComposer {
  /** Whether the sender of `message` wants (or by default gets) this kind about `recipient`; never for the null reverse-path. */
  wants(kind: DsnKind, message: Pick<DsnMessage, "reversePath">, recipient: DsnRecipient): boolean;
  /**
   * @param original the beginning of the original message: all of it when `whole`; null: it is there no more, and what is known names it
   */
  compose(
    kind: DsnKind,
    message: DsnMessage,
    subjects: readonly DsnSubject[],
    original: { readonly bytes: Buffer; readonly whole: boolean } | null,
    now: number,
  ): ComposedDsn;
}
