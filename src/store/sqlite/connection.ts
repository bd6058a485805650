import { DatabaseSync } from "node:sqlite";
import { StoreUnusable } from "./migrations/migrate.ts";

/** Older ones (3.7.0 to 3.51.2) can corrupt a database when a WAL is reset while another connection checkpoints, which we do all the time. */
const oldestSqlite = [3, 51, 3] as const;

/** The writing connection to the queue. */
export function openWriting(file: string, cacheKb: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  refuseOldSqlite(database);
  // 4096: with larger pages a commit of one message writes up to half more bytes, and one session feels it (bench/store.ts --pages).
  database.exec(`PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;
    PRAGMA mmap_size = 0; PRAGMA cache_size = -${cacheKb}; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF`);
  return database;
}

/** A connection that reads the queue beside the writer. */
export function openReading(file: string, cacheKb: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  database.exec(`PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA mmap_size = 0; PRAGMA cache_size = -${cacheKb};
    PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF`);
  return database;
}

function refuseOldSqlite(database: DatabaseSync): void {
  const version = String(database.prepare("SELECT sqlite_version() AS version").get()?.["version"]);
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const [a, b, c] = oldestSqlite;
  if (major > a || (major === a && (minor > b || (minor === b && patch >= c)))) return;
  database.close();
  throw new StoreUnusable(`SQLite ${version} is too old: ${oldestSqlite.join(".")} or newer is needed (it comes with Node 24.15)`);
}
