/** Between the signer and its thread. Jobs travel in batches: what gathers in one turn of the event loop is one message. */
export interface StartMessage {
  readonly kind: "keys";
  readonly keys: readonly { readonly domain: string; readonly selector: string; readonly pem: string }[];
}

export type Job =
  /** A whole message that is in memory. */
  | { readonly kind: "whole"; readonly id: number; readonly keys: readonly number[]; readonly at: number; readonly message: Uint8Array }
  /** A long one, piece by piece. */
  | { readonly kind: "open"; readonly id: number; readonly keys: readonly number[]; readonly at: number }
  | { readonly kind: "piece"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "end"; readonly id: number }
  | { readonly kind: "drop"; readonly id: number };

export interface Answer {
  readonly id: number;
  /** The signature fields; of a piece: that there is room for the next. */
  readonly fields?: string;
  readonly error?: string;
}
