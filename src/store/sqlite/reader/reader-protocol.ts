import type { QueueReader } from "./queue-reader.ts";

export interface ReaderOptions {
  readonly file: string;
  /** Folder of the history files. */
  readonly history: string;
}

export type Questions = Pick<QueueReader, "list" | "count" | "trace" | "find" | "decision" | "backlog" | "body" | "extents">;

export interface ToReader {
  readonly id: number;
  readonly question: keyof Questions;
  readonly args: readonly unknown[];
}

export type FromReader = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };
