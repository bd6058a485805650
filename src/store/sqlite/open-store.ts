/**
 * The store: everything Postern promises to remember, in one directory.
 *
 * - `queue.sqlite` is the truth: what waits and what became of it. One thread writes it (`writer/`), one transaction a batch of calls; a call
 *   resolves when its transaction is on stable storage. Small contents lie in it.
 * - `segments/` holds large contents (`content/`), written and synced before the transaction that names them. What no row names is free.
 * - `history/` holds the stories of finished messages, a file a day (`maintenance/` writes them, `reader/` reads them).
 * - `ballast` is room to settle in when the disk is full; `lock.sqlite` keeps a second process out.
 *
 * What it promises: nothing acknowledged is lost by a crash of the process or the machine, provided the disk keeps what it has synced; all
 * operations of one call or none; no work at start that grows with the backlog. What it does not: it does not judge moves of the state
 * machine beyond `from`, and it keeps no content of finished messages.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { syncFolder } from "../../lib/sync-folder.ts";
import type { Archive } from "../../queue/archive.ts";
import type { StoreFailed } from "../../queue/store.ts";
import { Contents } from "./content/contents.ts";
import type { Faults } from "./content/segment-file.ts";
import { Segments } from "./content/segments.ts";
import { lockDirectory } from "./directory-lock.ts";
import { FreeSpace } from "./free-space.ts";
import { StoreUnusable } from "./migrations/migrate.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import { walGrowth, type Recovered, type WriterOptions } from "./protocol.ts";
import { ReaderClient } from "./reader/reader-client.ts";
import { SqliteStore, startWriter } from "./sqlite-store.ts";
import { threadFile, threadLimits } from "./thread-file.ts";

export interface StoreOptions {
  /** Made (mode 0700) when it does not exist. */
  readonly directory: string;
  /** Names in the directory that a backup copies as well: beside.ts. */
  readonly beside?: readonly string[];
  /** The policy clock, ms. */
  readonly now: () => number;
  readonly freeSpaceReserveBytes?: number;
  readonly retention?: { readonly keepMs: number; readonly maxBytes: number };
  /** The store cannot go on: the process must end and start anew. Called once. */
  readonly onFault: (error: StoreFailed) => void;
  /** Trouble that does not endanger what is stored (a history file that cannot be written), for the log. */
  readonly onTrouble?: (what: string) => void;
  readonly tuning?: Tuning;
}

/** Sizes that tests and measurements change. */
export interface Tuning {
  readonly walBytes?: number;
  readonly ballastBytes?: number;
  readonly segmentBytes?: number;
  readonly spareSegments?: number;
  readonly faults?: Faults;
  readonly maxPages?: number;
  /** Finished messages in one chunk of the history. */
  readonly historyChunk?: number;
}

export interface OpenStore extends AsyncDisposable {
  readonly store: SqliteStore;
  readonly archive: Archive;
  /** What was leased when the last run ended. */
  readonly recovered: Recovered;
  /** Copies the running store to a folder that does not exist or is empty; bytes done and to do, roughly, are told on the way. */
  backup(target: string, onProgress?: (done: number, total: number) => void): Promise<void>;
}

const mb = 1024 * 1024;
const dayMs = 86_400_000;

/** Rejects with StoreUnusable when the directory is in use, of a newer schema, or not ours. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { directory, tuning = {} } = options;
  const segmentFolder = join(directory, "segments");
  const history = join(directory, "history");
  const made = await mkdir(directory, { recursive: true, mode: 0o700 });
  // A folder that was just made is on disk only when its parent is.
  if (made !== undefined) await syncFolder(dirname(made));
  await mkdir(segmentFolder, { recursive: true, mode: 0o700 });
  await mkdir(history, { recursive: true, mode: 0o700 });
  await using opened = new AsyncDisposableStack();
  opened.use(lockDirectory(directory));

  const walBytes = tuning.walBytes ?? 32 * mb;
  const writerOptions: WriterOptions = {
    file: join(directory, "queue.sqlite"),
    walBytes,
    // As large as the WAL may get: with it gone, what was committed can be copied into the database and the WAL begins anew.
    ballast: { file: join(directory, "ballast"), bytes: tuning.ballastBytes ?? walBytes * walGrowth },
    ...(tuning.maxPages === undefined ? {} : { maxPages: tuning.maxPages }),
  };
  const free = await FreeSpace.watch(directory, options.freeSpaceReserveBytes ?? 256 * mb);
  const worker = new Worker(threadFile("writer"), { workerData: writerOptions, resourceLimits: threadLimits });
  opened.defer(async () => void (await worker.terminate()));
  const { totals, recovered } = await startWriter(worker).catch((error: Error) => {
    if (error.name === "StoreUnusable") throw new StoreUnusable(error.message);
    throw error;
  });

  const reader = opened.use(new ReaderClient({ file: writerOptions.file, history }));
  const segments = opened.use(
    await Segments.open({
      directory: segmentFolder,
      segmentBytes: tuning.segmentBytes ?? 64 * mb,
      spare: tuning.spareSegments ?? 12,
      extentsOf: (segment) => reader.extents(segment),
      freeBytes: () => free.bytes(),
      failed: (error) => store.breakDown(`a segment could not be written: ${error.message}`),
      ...(tuning.faults === undefined ? {} : { faults: tuning.faults }),
    }),
  );
  const store: SqliteStore = new SqliteStore(worker, totals, {
    now: options.now,
    contents: new Contents(segments, (messageId) => reader.body(messageId)),
    freeBytes: () => free.bytes(),
    ballastBytes: writerOptions.ballast.bytes,
    committed: (state) => maintenance.committed(state),
    failed: (error) => {
      segments.stop(error);
      options.onFault(error);
    },
  });
  const maintenance: Maintenance = new Maintenance(
    {
      file: writerOptions.file,
      directory: options.directory,
      beside: options.beside ?? [],
      history,
      segments: segmentFolder,
      chunk: tuning.historyChunk ?? 1024,
    },
    {
      store,
      now: options.now,
      freeBytes: () => free.bytes(),
      walBytes: writerOptions.walBytes,
      ballastBytes: writerOptions.ballast.bytes,
      retention: options.retention ?? { keepMs: 30 * dayMs, maxBytes: 10 * 1024 * mb },
      onTrouble: options.onTrouble ?? (() => undefined),
    },
  );
  // Closed in this order: no new batches, then the readers, and the writer last, which takes the WAL away with it.
  const writing = opened.move();
  return {
    store,
    archive: reader,
    recovered,
    backup: async (target, onProgress = () => undefined) => {
      using _frozen = await segments.freeze();
      await maintenance.backUp(target, onProgress);
    },
    [Symbol.asyncDispose]: async () => {
      await store.settle();
      await maintenance[Symbol.asyncDispose]();
      await reader[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await writing.disposeAsync();
    },
  };
}
