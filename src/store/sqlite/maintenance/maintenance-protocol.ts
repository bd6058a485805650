export interface MaintenanceOptions {
  readonly file: string;
  readonly directory: string;
  /** Names in the directory that a backup copies as well. */
  readonly beside: readonly string[];
  /** Folder of the history files. */
  readonly history: string;
  readonly segments: string;
  /** Finished messages are moved in chunks of this many; the last ones of a day in a smaller one. */
  readonly chunk: number;
}

export type ToMaintenance =
  | { readonly kind: "checkpoint" }
  /** Move one chunk of finished messages; `now` says which days are over. */
  | { readonly kind: "move"; readonly now: number }
  | { readonly kind: "retain"; readonly now: number; readonly keepMs: number; readonly maxBytes: number }
  | { readonly kind: "backup"; readonly target: string }
  | { readonly kind: "close" };

export type FromMaintenance =
  | { readonly kind: "checkpointed" }
  /** These are in the history now and may be forgotten; null: nothing to do. */
  | { readonly kind: "moved"; readonly range: readonly [firstSeq: number, lastSeq: number] | null }
  | { readonly kind: "retained"; readonly removed: readonly string[] }
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "backedUp" }
  | { readonly kind: "closed" }
  /** Of a checkpoint. `broken`: the queue's database could not be written or synced; `full`: it could not grow. */
  | { readonly kind: "error"; readonly about: ToMaintenance["kind"]; readonly text: string; readonly kindOf: "broken" | "full" | "other" };
