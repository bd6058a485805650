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
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Archive } from "../../queue/archive.ts";
import type { StoreFailed } from "../../queue/store.ts";
import { Contents } from "./content/contents.ts";
import type { Faults } from "./content/segment-file.ts";
import { Segments } from "./content/segments.ts";
import { lockDirectory } from "./directory-lock.ts";
import { FreeSpace } from "./free-space.ts";
import { StoreUnusable } from "./migrations/migrate.ts";
import type { Recovered, WriterOptions } from "./protocol.ts";
import { ReaderClient } from "./reader/reader-client.ts";
import { SqliteStore, startWriter } from "./sqlite-store.ts";
import { threadFile } from "./thread-file.ts";

export interface StoreOptions {
  /** Made (mode 0700) when it does not exist. */
  readonly directory: string;
  /** The policy clock, ms. */
  readonly now: () => number;
  readonly freeSpaceReserveBytes?: number;
  readonly retention?: { readonly keepMs: number; readonly maxBytes: number };
  /** The store cannot go on: the process must end and start anew. Called once. */
  readonly onFault: (error: StoreFailed) => void;
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
}

export interface OpenStore extends AsyncDisposable {
  readonly store: SqliteStore;
  readonly archive: Archive;
  /** What was leased when the last run ended. */
  readonly recovered: Recovered;
}

const mb = 1024 * 1024;

/** Rejects with StoreUnusable when the directory is in use, of a newer schema, or not ours. */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { directory, tuning = {} } = options;
  const segmentFolder = join(directory, "segments");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await mkdir(segmentFolder, { recursive: true, mode: 0o700 });
  await mkdir(join(directory, "history"), { recursive: true, mode: 0o700 });
  await using opened = new AsyncDisposableStack();
  opened.use(lockDirectory(directory));

  const writerOptions: WriterOptions = {
    file: join(directory, "queue.sqlite"),
    walBytes: tuning.walBytes ?? 32 * mb,
    ballast: { file: join(directory, "ballast"), bytes: tuning.ballastBytes ?? 16 * mb },
    ...(tuning.maxPages === undefined ? {} : { maxPages: tuning.maxPages }),
  };
  const free = await FreeSpace.watch(directory, options.freeSpaceReserveBytes ?? 256 * mb);
  const worker = new Worker(threadFile("writer"), { workerData: writerOptions });
  opened.defer(async () => void (await worker.terminate()));
  const { totals, recovered } = await startWriter(worker).catch((error: Error) => {
    if (error.name === "StoreUnusable") throw new StoreUnusable(error.message);
    throw error;
  });

  const reader = opened.use(new ReaderClient({ file: writerOptions.file, history: join(directory, "history") }));
  const segments = opened.use(
    await Segments.open({
      directory: segmentFolder,
      segmentBytes: tuning.segmentBytes ?? 64 * mb,
      spare: tuning.spareSegments ?? 4,
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
    committed: () => undefined,
    failed: options.onFault,
  });
  opened.use(store);
  const all = opened.move();
  return { store, archive: reader, recovered, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
