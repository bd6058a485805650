import type { Migration } from "./migrate.ts";

/**
 * What is durable of the account against limits (limits/journal.ts). `usage_mark`: units that were or may be used, by chunk; numbers grow, so
 * rows are added at the end. `usage_anchor`: one row that ties the ledger's time to the clocks of the machine, as JSON that only it reads.
 */
export const limits: Migration = {
  version: 2,
  sql: `
    CREATE TABLE usage_mark (
      chunk INTEGER PRIMARY KEY,
      counter TEXT NOT NULL,
      kind INTEGER NOT NULL,
      units INTEGER NOT NULL,
      settled_at INTEGER,
      until INTEGER
    ) STRICT;
    CREATE INDEX usage_mark_until ON usage_mark (until) WHERE until IS NOT NULL;
    CREATE TABLE usage_anchor (one INTEGER PRIMARY KEY CHECK (one = 1), anchor TEXT NOT NULL) STRICT;
  `,
};
