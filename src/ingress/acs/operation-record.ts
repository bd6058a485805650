import type { WaitingState, FinalState } from "../../queue/store.ts";

/** What is known of a message that came by an operation. */
export interface OperationRecord {
  readonly id: number;
  readonly principal: string;
  readonly door: string;
  /** Of the body it came with; see Origin. */
  readonly request?: string;
  /** Policy-clock ms. */
  readonly receivedAt: number;
  readonly recipients: readonly {
    readonly address: string;
    readonly state: WaitingState | FinalState;
    readonly failure?: { readonly code: string; readonly text: string };
  }[];
}

/** Where operations are looked up: the queue and its history are the truth, the door keeps none of its own. Whoever composes implements it. */
export interface OperationRecords {
  byId(id: number): Promise<OperationRecord | null>;
  /**
   * Ids of messages by their Message-ID field: all with this ending that came since then. null: there are too many to look through at once.
   * Costs a look at each message of that time, so it is asked once.
   */
  byEnding(ending: string, since: number): Promise<ReadonlyMap<string, number> | null>;
  /** With this Message-ID field, the newest first, that came since then: a handful at most. Costs a pass over what waits. */
  byMessageId(messageIdField: string, since?: number): Promise<readonly OperationRecord[]>;
}
