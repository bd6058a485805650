import { Worker } from "node:worker_threads";
import type { Archive, LaneBacklog, Page, QueueEntry, QueueFilter, TraceQuery, TraceRecord, TraceSummary } from "../../../queue/archive.ts";
import { threadFile, threadLimits } from "../thread-file.ts";
import type { FromReader, Questions, ReaderOptions, ToReader } from "./reader-protocol.ts";

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's side of reading. The thread starts with the first question: a gateway that nobody asks has none. */
export class ReaderClient implements Archive, AsyncDisposable {
  readonly #options: ReaderOptions;
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #closed = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  list(filter: QueueFilter, page: Page): Promise<readonly QueueEntry[]> {
    return this.#ask("list", filter, page);
  }

  count(filter: QueueFilter): Promise<number> {
    return this.#ask("count", filter);
  }

  trace(id: number): Promise<TraceRecord | null> {
    return this.#ask("trace", id);
  }

  find(query: TraceQuery): Promise<readonly TraceSummary[]> {
    return this.#ask("find", query);
  }

  decision(key: string): Promise<unknown> {
    return this.#ask("decision", key);
  }

  backlog(now: number): Promise<readonly LaneBacklog[]> {
    return this.#ask("backlog", now);
  }

  /** The content of a message that lies in its row; null when it has gone. */
  body(messageId: number): Promise<Uint8Array | null> {
    return this.#ask("body", messageId);
  }

  extents(segment: number): Promise<readonly (readonly [number, number])[]> {
    return this.#ask("extents", segment);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
  }

  #ask<Question extends keyof Questions>(
    question: Question,
    ...args: Parameters<Questions[Question]>
  ): Promise<ReturnType<Questions[Question]>> {
    if (this.#closed) return Promise.reject(new Error("the store is closed"));
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    const message: ToReader = { id, question, args };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      worker.postMessage(message);
    });
  }

  #start(): Worker {
    const worker = new Worker(threadFile("reader"), { workerData: this.#options, resourceLimits: threadLimits });
    let ended = new Error("the store is closed");
    worker.on("message", (answer: FromReader) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ("error" in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.value);
    });
    worker.on("error", (error) => {
      ended = error instanceof Error ? error : new Error(String(error));
    });
    // The next question starts another: reading is no reason for the gateway to stop.
    worker.on("exit", () => {
      if (this.#worker === worker) this.#worker = null;
      for (const { reject } of this.#waiting.values()) reject(ended);
      this.#waiting.clear();
    });
    return worker;
  }
}
