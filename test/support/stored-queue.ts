import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { temporaryFolder } from "./temporary-folder.ts";
import { findToken } from "./token-message.ts";

/** What the database of a gateway that is not running holds, read from a copy so that looking changes nothing. */
export interface StoredQueue {
  /** `token recipient` of those that were leased: what may have been relayed without that being written down. */
  readonly leased: ReadonlySet<string>;
  readonly waiting: number;
}

/** State of a leased recipient in the database. */
const leasedCode = 1;

export function readStoredQueue(data: string): StoredQueue {
  const file = join(data, "queue.sqlite");
  if (!existsSync(file)) return { leased: new Set(), waiting: 0 };
  using folder = temporaryFolder();
  const copy = join(folder.path, "queue.sqlite");
  copyFileSync(file, copy);
  if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`);
  using database = new DatabaseSync(copy);
  if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'recipient'").get() === undefined)
    return { leased: new Set(), waiting: 0 };
  const leased = new Set<string>();
  const rows = database.prepare(
    `SELECT message.meta AS meta, recipient.address AS address FROM recipient JOIN message ON message.id = recipient.message
     WHERE recipient.state = ${leasedCode}`,
  );
  for (const { meta, address } of rows.iterate()) leased.add(`${findToken(String(meta))} ${String(address)}`);
  const waiting = Number(database.prepare("SELECT count(*) AS n FROM recipient").get()?.["n"]);
  return { leased, waiting };
}
