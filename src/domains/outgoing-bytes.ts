/** The message as it goes out, unstuffed, with CRLF line ends. A structural part of routes/route.ts's OutgoingContent. */
export interface OutgoingBytes {
  readonly size: number;
  /** All of it, when it is in memory; null when it must be streamed. */
  readonly inMemory: readonly Uint8Array[] | null;
  /** All of it as pieces; each call starts anew. */
  stream(): AsyncIterable<Uint8Array>;
}
