import type { Failure } from "../mail/failure.ts";
import type { StoredMessage, StoredRecipient } from "./store.ts";

/** What a notification tells: `relayed` is the success of a next hop that cannot confirm delivery itself (RFC 3461 §5.2.2). */
export type DsnKind = "failure" | "delay" | "relayed";

export interface DsnSubject {
  readonly recipient: StoredRecipient;
  /** Absent for `relayed`. */
  readonly failure?: Failure;
  /** The next hop's reply on success. */
  readonly text?: string;
  /** Name of the next hop, when one spoke. */
  readonly remote?: string;
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
  wants(kind: DsnKind, message: StoredMessage, recipient: StoredRecipient): boolean;
  /**
   * @param original the beginning of the original message: all of it when `whole`
   */
  compose(
    kind: DsnKind,
    message: StoredMessage,
    subjects: readonly DsnSubject[],
    original: { readonly bytes: Buffer; readonly whole: boolean },
    now: number,
  ): ComposedDsn;
}
