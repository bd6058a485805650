import type { FailureCode } from "../../mail/failure-codes.ts";
import type { DsnKind } from "../../queue/dsn-composer.ts";

/**
 * The words of a notification in one language. Its readers are office workers: no code, no protocol word, nothing they cannot act on. A
 * language is a file with a value of this type; what it leaves out in `reasons` is told by `otherwise`.
 */
export interface DsnWords {
  /** BCP 47 */
  readonly language: string;
  readonly senderName: string;
  /** In front of the original's subject. */
  readonly subject: Readonly<Record<DsnKind, string>>;
  readonly noSubject: string;
  /** First sentence, for one recipient and for several. */
  readonly opening: Readonly<Record<DsnKind, { readonly one: string; readonly many: string }>>;
  /** After the list of recipients. `{until}` is when we give up, `{who}` the postmaster. */
  readonly closing: Readonly<Record<DsnKind, string>>;
  readonly reasons: Readonly<Partial<Record<FailureCode, Reason>>>;
  readonly otherwise: { readonly permanent: Reason; readonly temporary: Reason };
  readonly relayed: string;
  readonly delivered: string;
  /** When no next hop took it until the end of its lifetime: put before the reason that kept it. */
  readonly expired: string;
  readonly labels: {
    readonly subject: string;
    readonly sent: string;
    readonly messageId: string;
    readonly reason: string;
    readonly advice: string;
    readonly reply: string;
    readonly technical: string;
    readonly queueId: string;
    readonly status: string;
    readonly host: string;
  };
  /** `{n}` more addresses of a group. */
  readonly andMore: string;
  readonly formatTime: (at: number) => string;
}

export interface Reason {
  /** What happened, in a sentence. */
  readonly what: string;
  /** What the reader can do, in one or two. */
  readonly todo: string;
}
