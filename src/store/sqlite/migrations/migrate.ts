import type { DatabaseSync } from "node:sqlite";
import { first } from "./0001-first.ts";
import { limits } from "./0002-limits.ts";

/** One step of the schema. Steps are never changed after a release; a new one is added with the next number. */
export interface Migration {
  /** What `PRAGMA user_version` says afterwards. */
  readonly version: number;
  readonly sql: string;
}

const migrations: readonly Migration[] = [first, limits];

/** The schema that this program writes. */
export const schemaVersion = migrations.length;

/** "Postern" to `file(1)` and to us, so that somebody else's database is never taken for ours. */
const applicationId = 0x506f5374;

/** The directory holds a store that this program must not touch. */
export class StoreUnusable extends Error {
  override readonly name = "StoreUnusable";
}

/** Brings a database to the current schema, each step in a transaction of its own; refuses a newer or a foreign one. */
export function migrate(database: DatabaseSync, name: string): void {
  const found = readPragma(database, "user_version");
  const owner = readPragma(database, "application_id");
  if (found > schemaVersion) {
    throw new StoreUnusable(
      `${name} has schema ${found}, this version of Postern knows up to ${schemaVersion}: use a newer Postern, or restore a backup made by this one`,
    );
  }
  if (owner !== applicationId && (found > 0 || hasTables(database))) throw new StoreUnusable(`${name} is not a Postern database`);
  for (const step of migrations.slice(found)) {
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(step.sql);
      database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${step.version}`);
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}

function readPragma(database: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
}

function hasTables(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined;
}
