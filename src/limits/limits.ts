import type { Failure } from "../mail/failure.ts";
import type { Priority } from "../mail/priority.ts";

export type { Priority } from "../mail/priority.ts";

/**
 * The account of what was sent, against every limit that holds: what the dispatcher asks before an attempt and tells after it.
 *
 * Promises: at no instant does any trailing window hold more than its limit, by our clock or by the receiver's: a unit counts from its
 * reservation until one window after its settlement. Usage survives a crash: what may have been sent counts. A "no" is a time, not an
 * error and not an attempt. Duties of the caller: each reservation ends in exactly one `settle`; no attempt before `ready`.
 *
 * Times are policy-clock ms. Nothing here blocks or allocates more than a reservation for an admission.
 */
export interface Limits {
  /** Whether any limit counts what goes by this route; false: it need not be asked. */
  covers(route: string): boolean;
  /** Whether a limit that holds counts the external recipients of this route and not the internal: they may have to wait apart. */
  countsExternal(route: string): boolean;
  admit(request: AdmissionRequest): Admission;
  /** The attempt has ended. */
  settle(reservation: Reservation, settlement: ReservationOutcome): void;
  /** The same question without taking anything: the earliest moment, `now` when it would be admitted. For choosing among routes. */
  earliest(request: AdmissionRequest): number;
  /** Recipients that can ever be admitted in one transaction by this route: the smallest limit that counts them; Infinity: no such limit. */
  largestTransaction(route: string): number;
}

/** One transaction that is about to be attempted. */
export interface AdmissionRequest {
  readonly route: string;
  readonly principal: string;
  readonly priority: Priority;
  /** Address in From (the first), else the reverse-path, lower case; empty for DSNs. */
  readonly sender: string;
  /** Lower case; empty: null. Some services count by it and not by From. */
  readonly reversePath: string;
  /** Lower case. */
  readonly recipients: readonly string[];
  /** Of them, how many are outside the accepted domains. All are of one class where lanes keep classes apart. */
  readonly external: number;
  /** Bytes of each transaction. */
  readonly size: number;
  readonly now: number;
  /** It comes at a time that a limit has told it: of those that each ask for themselves it is before others. Absent: it does not. */
  readonly again?: boolean;
  /** So many transactions alike at once, in a forecast; absent: one. `recipients` are those of all. */
  readonly transactions?: number;
}

export type Admission =
  | {
      readonly ok: true;
      readonly reservation: Reservation;
      /** Wait for it before the attempt: the reservation is being made durable; null: it is. Rejects when the store cannot. */
      readonly ready: Promise<void> | null;
    }
  | {
      readonly ok: false;
      /** The earliest moment at which it may be admitted; asking before is of no use. */
      readonly notBefore: number;
      /** The limit that binds. */
      readonly limit: LimitName;
      /**
       * What else has to wait until then. route: all mail of this priority by this route. external: its external recipients.
       * message: mail from this sender, principal or of this size; each asks for itself. recipients: those at `positions`, the others may ask again.
       */
      readonly breadth: "route" | "external" | "message" | "recipients";
      readonly positions?: readonly number[];
    };

export interface LimitName {
  /** `smtp-auth.recipients-per-day`: the fact it comes from, or the operator's name for it. */
  readonly id: string;
  /** What it is counted for: `mailbox scanner@contoso.example`. */
  readonly counted: string;
  readonly amount: number;
  readonly used: number;
  /** ms; 0: at a time. */
  readonly windowMs: number;
}

/** Opaque. */
export interface Reservation {
  readonly route: string;
}

/** How the attempt went, in units of recipients. */
export interface ReservationOutcome {
  readonly now: number;
  /** Recipients that the service took, or may have taken (in doubt). */
  readonly taken: number;
  /** Recipients that it refused: kept where the service counts refusals. */
  readonly refused: number;
  /** The service was asked at all (false: no connection, nothing said); then nothing is kept but concurrency ends. */
  readonly asked: boolean;
  /** Positions of the recipients that were refused or never tried, when not all were taken: their own counters are released. */
  readonly notTaken?: readonly number[];
  /** A quota reply corrects the account: the failure, the time it named, and the positions of the recipients that it was said of. */
  readonly full?: { readonly failure: Failure; readonly retryAt?: number; readonly positions: readonly number[] };
}
