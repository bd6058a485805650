import type { Migration } from "./migrate.ts";

/**
 * The first schema. What each thing is for:
 *
 * - `message` holds what is common to the recipients; `meta` is the message as the trace tells it (JSON, made and read by the main thread,
 *   copied by this one). `content` is the prefix followed by the body when it is small; a large body lies in segments and `extents` says where.
 *   The row is never updated, because that would rewrite the content.
 * - `recipient` holds the state. Queued ones are found by lane and time (`recipient_due`) and by the end of their life (`recipient_expiry`); the few that are leased, in doubt or held by
 *   state (`recipient_busy`). A partial index costs nothing for rows outside it: a message that is leased as it comes and leaves at once is in one.
 * - `event`: what happened to a message that still waits: attempts that did not finish it, holds, notices.
 * - `finished`: messages without waiting recipients, one row each, until the maintenance thread has moved them to a history file. Rows are
 *   added at the end and removed from the front.
 * - `extent`: which parts of segments are in use. What is not named here is free.
 * - `totals`: one row, written once a transaction, so that start-up counts nothing.
 */
export const first: Migration = {
  version: 1,
  sql: `
    CREATE TABLE message (
      id INTEGER PRIMARY KEY,
      received_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      principal TEXT NOT NULL,
      sender TEXT,
      meta TEXT NOT NULL,
      extents TEXT,
      prefix_size INTEGER NOT NULL,
      content BLOB NOT NULL
    ) STRICT;
    CREATE TABLE recipient (
      message INTEGER NOT NULL,
      n INTEGER NOT NULL,
      state INTEGER NOT NULL,
      lane INTEGER NOT NULL,
      not_before INTEGER NOT NULL,
      attempts INTEGER NOT NULL,
      doubt INTEGER NOT NULL,
      told INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      address TEXT NOT NULL,
      decision TEXT NOT NULL,
      dsn TEXT,
      failure TEXT,
      text TEXT,
      PRIMARY KEY (message, n)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX recipient_due ON recipient (lane, not_before) WHERE state = 0;
    CREATE INDEX recipient_busy ON recipient (state) WHERE state BETWEEN 1 AND 3;
    CREATE INDEX recipient_expiry ON recipient (expires_at) WHERE state = 0;
    CREATE TABLE event (
      message INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      story TEXT NOT NULL,
      PRIMARY KEY (message, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE decision (key TEXT PRIMARY KEY, decision TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE finished (
      seq INTEGER PRIMARY KEY,
      id INTEGER NOT NULL,
      at INTEGER NOT NULL,
      story TEXT NOT NULL
    ) STRICT;
    CREATE TABLE extent (
      segment INTEGER NOT NULL,
      position INTEGER NOT NULL,
      length INTEGER NOT NULL,
      message INTEGER NOT NULL,
      PRIMARY KEY (segment, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE totals (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      last_id INTEGER NOT NULL,
      last_seq INTEGER NOT NULL,
      messages INTEGER NOT NULL,
      accepted INTEGER NOT NULL,
      queued INTEGER NOT NULL,
      leased INTEGER NOT NULL,
      in_doubt INTEGER NOT NULL,
      held INTEGER NOT NULL,
      relayed INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      expired INTEGER NOT NULL,
      cancelled INTEGER NOT NULL
    ) STRICT;
    INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  `,
};
