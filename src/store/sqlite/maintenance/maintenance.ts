import { Worker } from "node:worker_threads";
import type { WalState } from "../protocol.ts";
import type { SqliteStore } from "../sqlite-store.ts";
import { threadFile, threadLimits } from "../thread-file.ts";
import { dayOf } from "../history/day-file.ts";
import type { FromMaintenance, MaintenanceOptions, ToMaintenance } from "./maintenance-protocol.ts";

export interface MaintenanceDeps {
  readonly store: SqliteStore;
  readonly now: () => number;
  readonly freeBytes: () => number;
  /** The WAL is brought back to its beginning before it grows past this. */
  readonly walBytes: number;
  readonly ballastBytes: number;
  readonly retention: { readonly keepMs: number; readonly maxBytes: number };
  /** Something that does not endanger what is stored: the history could not be written, no space for a checkpoint. */
  readonly onTrouble: (what: string) => void;
}

export interface CommitState {
  readonly wal: WalState;
  readonly finished: number;
  readonly ballastHeld: boolean;
}

type Job = "checkpoint" | "move" | "retain";

const tickMs = 1000;
const retainEveryMs = 3_600_000;
const pauseAfterTroubleMs = 30_000;
const pauseWhenFullMs = 1000;

/** The database could not grow for a checkpoint. */
class NoSpace extends Error {}

/** Decides when the maintenance thread does what. One tick a second, and a look after each commit that costs a few comparisons. */
export class Maintenance implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #options: MaintenanceOptions;
  readonly #deps: MaintenanceDeps;
  readonly #tick: NodeJS.Timeout;
  readonly #running = new Set<Job>();
  readonly #pausedUntil = new Map<Job, number>();
  readonly #answers: {
    readonly kind: FromMaintenance["kind"];
    readonly about: string;
    readonly resolve: (answer: FromMaintenance) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  #progress: ((done: number, total: number) => void) | null = null;
  #state: CommitState = { wal: { bytes: 0, uncopiedBytes: 0 }, finished: 0, ballastHeld: true };
  /** Written since the last checkpoint began. */
  #dirty = true;
  #commits = 0;
  #commitsAtTick = 0;
  #retainedAt = -Infinity;
  #day: string;
  #resetting = false;
  #closing = false;

  constructor(options: MaintenanceOptions, deps: MaintenanceDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#day = "";
    this.#worker = new Worker(threadFile("maintenance"), { workerData: options, resourceLimits: threadLimits });
    this.#worker.on("message", (message: FromMaintenance) => this.#hear(message));
    this.#worker.on("error", (error) =>
      deps.store.breakDown(`the store's maintenance stopped: ${error instanceof Error ? error.message : String(error)}`),
    );
    this.#tick = setInterval(() => this.#onTick(), tickMs);
    this.#tick.unref();
  }

  committed(state: CommitState): void {
    this.#state = state;
    this.#dirty = true;
    this.#commits++;
    // A third: the rest is room for what is written while the thread copies.
    if (state.wal.uncopiedBytes > this.#deps.walBytes / 3) this.#checkpoint();
    if (state.finished >= this.#options.chunk) this.#move();
  }

  /** Copies everything to a folder that must not exist or be empty. */
  async backUp(target: string, onProgress: (done: number, total: number) => void): Promise<void> {
    this.#progress = onProgress;
    try {
      await this.#ask({ kind: "backup", target }, "backedUp");
    } finally {
      this.#progress = null;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    clearInterval(this.#tick);
    await this.#ask({ kind: "close" }, "closed").catch(() => undefined);
    await this.#worker.terminate();
  }

  #onTick(): void {
    const idle = this.#commits === this.#commitsAtTick;
    this.#commitsAtTick = this.#commits;
    if (idle && this.#dirty) this.#checkpoint();
    const day = dayOf(this.#deps.now());
    if (day !== this.#day) {
      this.#day = day;
      this.#retainedAt = -Infinity;
      if (this.#state.finished > 0) this.#move();
    } else if (this.#state.finished >= this.#options.chunk) this.#move();
    if (performance.now() - this.#retainedAt > retainEveryMs) this.#retain();
    // Acceptance stops until it is back, so not much more than its own size is asked for.
    if (!this.#state.ballastHeld && this.#deps.freeBytes() > this.#deps.ballastBytes * 1.25) this.#takeBallast();
  }

  #checkpoint(): void {
    this.#run("checkpoint", async () => {
      this.#dirty = false;
      await this.#copyWal();
      // The writer copies the few frames that came meanwhile; its next commit then begins at the start of the file.
      if (this.#state.wal.bytes > this.#deps.walBytes / 2 || this.#commits === this.#commitsAtTick)
        await this.#deps.store.ask({ kind: "checkpoint" }, "checkpointed");
    });
  }

  #move(): void {
    this.#run("move", async () => {
      const { range } = await this.#ask({ kind: "move", now: this.#deps.now() }, "moved");
      if (range === null) return;
      await this.#deps.store.forget(...range);
      // Until what is left does not fill a chunk, or belongs to a day that is not over.
      if (!this.#closing) setImmediate(() => this.#move());
    });
  }

  #retain(): void {
    this.#retainedAt = performance.now();
    this.#run("retain", async () => {
      await this.#ask({ kind: "retain", now: this.#deps.now(), ...this.#deps.retention }, "retained");
    });
  }

  /** The WAL must begin anew even on a full disk, or settlements stop: so the ballast goes now, and nothing is taken in until it is back. */
  async #copyWal(): Promise<void> {
    try {
      await this.#ask({ kind: "checkpoint" }, "checkpointed");
    } catch (error) {
      if (!(error instanceof NoSpace)) throw error;
      await this.#deps.store.ask({ kind: "full" }, "ballast");
      this.#state = { ...this.#state, ballastHeld: false };
      await this.#ask({ kind: "checkpoint" }, "checkpointed");
    }
  }

  #takeBallast(): void {
    if (this.#resetting) return;
    this.#resetting = true;
    this.#deps.store
      .ask({ kind: "ballast" }, "ballast")
      .then(({ held }) => (this.#state = { ...this.#state, ballastHeld: held }))
      .catch(() => undefined)
      .finally(() => (this.#resetting = false));
  }

  #run(job: Job, work: () => Promise<void>): void {
    if (this.#closing || this.#running.has(job) || performance.now() < (this.#pausedUntil.get(job) ?? 0)) return;
    this.#running.add(job);
    work()
      .catch((error: unknown) => {
        this.#pausedUntil.set(job, performance.now() + (error instanceof NoSpace ? pauseWhenFullMs : pauseAfterTroubleMs));
        if (!this.#closing) this.#deps.onTrouble(`${job}: ${error instanceof Error ? error.message : String(error)}`);
      })
      .finally(() => this.#running.delete(job));
  }

  #ask<Kind extends FromMaintenance["kind"]>(message: ToMaintenance, kind: Kind): Promise<FromMaintenance & { kind: Kind }> {
    return new Promise((resolve, reject) => {
      this.#answers.push({ kind, about: message.kind, resolve: resolve as (answer: FromMaintenance) => void, reject });
      this.#worker.postMessage(message);
    });
  }

  #hear(message: FromMaintenance): void {
    if (message.kind === "progress") return this.#progress?.(message.done, message.total);
    const index = this.#answers.findIndex(
      ({ kind, about }) => kind === message.kind || (message.kind === "error" && message.about === about),
    );
    const [waiting] = index < 0 ? [] : this.#answers.splice(index, 1);
    if (message.kind !== "error") return waiting?.resolve(message);
    // A database that could not be written or synced here is as untrustworthy as for the writer.
    if (message.kindOf === "broken") this.#deps.store.breakDown(`${message.about}: ${message.text}`);
    waiting?.reject(message.kindOf === "full" ? new NoSpace(message.text) : new Error(message.text));
  }
}
