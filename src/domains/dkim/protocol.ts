/** Between the signer and its thread. */
export interface StartMessage {
  readonly kind: "keys";
  readonly keys: readonly { readonly domain: string; readonly selector: string; readonly pem: string }[];
}

/** Jobs that have gathered, and what they are about laid end to end, so that one transfer does for all. Answered by one list of answers. */
export interface Batch {
  readonly kind: "batch";
  readonly jobs: readonly Job[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type Job =
  /** A whole message that is in memory: the next `length` bytes. */
  | { readonly kind: "whole"; readonly id: number; readonly keys: readonly number[]; readonly at: number; readonly length: number }
  /** A long one, piece by piece. */
  | { readonly kind: "open"; readonly id: number; readonly keys: readonly number[]; readonly at: number }
  | { readonly kind: "piece"; readonly id: number; readonly length: number }
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "drop"; readonly id: number };

export interface Answer {
  readonly id: number;
  /** The signature fields; of a piece: that there is room for the next. */
  readonly fields?: string;
  readonly error?: string;
}
