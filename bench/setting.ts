/** How a run measures; the same for every row of it. */
export interface Setting {
  /** On the disk under test; gone afterwards. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly rounds: number;
  /** Aimed at for a round of acceptance. */
  readonly secondsPerRound: number;
  /** Messages of a round end to end. */
  readonly relayMessages: number;
  /** Messages of the large queue. */
  readonly backlog: number;
  /** Messages of a round of dispatching. */
  readonly dispatchMessages: number;
  /** Longest wait for the machine to be idle before a round. */
  readonly quietMs: number;
  progress(text: string): void;
}
