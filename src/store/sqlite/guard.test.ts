import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { test } from "node:test";
import { StoreFailed, StoreFull } from "../../queue/store.ts";
import { auditStore } from "./audit.ts";
import { first } from "./migrations/0001-first.ts";
import { StoreUnusable } from "./migrations/migrate.ts";
import { acceptOf, gather, until, openTest, recipientOf, relayed, scratch } from "./support.ts";

test("a directory serves one process at a time", async () => {
  await using place = await scratch();
  const directory = join(place.directory, "data");
  {
    await using _opened = await openTest(directory);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    await assert.rejects(openTest(directory), { name: "StoreUnusable", message: /in use by another Postern process/ });
    const script = `import { openTest } from ${JSON.stringify(new URL("support.ts", import.meta.url).href)};
      await openTest(${JSON.stringify(directory)}).then(() => console.log("opened"), (error) => console.log(error.name)); process.exit()`;
    const other = spawnSync(process.execPath, ["--input-type=module-typescript", "-e", script], { encoding: "utf8" });
    assert.equal(other.stdout.trim(), "StoreUnusable", other.stderr);
  }
  await using _again = await openTest(directory);
});

test("a newer schema and a foreign database are refused and left alone", async () => {
  await using place = await scratch();
  const file = join(place.directory, "queue.sqlite");
  {
    await using _opened = await openTest(place.directory);
  }
  change(file, "PRAGMA user_version = 99");
  await assert.rejects(openTest(place.directory), (error: Error) => error instanceof StoreUnusable && /schema 99/.test(error.message));
  change(file, "PRAGMA user_version = 1; PRAGMA application_id = 7");
  await assert.rejects(openTest(place.directory), /not a Postern database/);
});

test("a data directory of schema 1 opens", async () => {
  await using place = await scratch();
  // Written out as that version wrote it: later changes of the code must not change it with them.
  change(
    join(place.directory, "queue.sqlite"),
    `${first.sql};
     PRAGMA application_id = 1349473140; PRAGMA user_version = 1;
     INSERT INTO message VALUES (4711, 1000, 9000, 'app', 'scanner@contoso.example',
       '{"id":4711,"receivedAt":1000,"principal":"app","origin":{"door":"smtp"},"reversePath":"scanner@contoso.example","messageIdField":"<a@b>","subject":"Scan","author":"scanner@contoso.example","size":5,"expiresAt":9000}',
       NULL, 3, x'503a0a48656c6c6f');
     INSERT INTO recipient VALUES (4711, 0, 1, 7, 1000, 0, 0, 0, 9000, 'bob@fabrikam.example', 'd1', NULL, NULL, NULL);
     UPDATE totals SET last_id = 4711, messages = 1, accepted = 1, leased = 1`,
  );
  {
    await using opened = await openTest(place.directory);
    const claim = await opened.store.claim(7, 2000, 1);
    assert.equal(Buffer.from(claim.messages[0]?.body ?? []).toString(), "Hello");
    assert.equal(claim.messages[0]?.message.subject, "Scan");
    assert.equal(opened.store.lastId, 4711);
  }
  auditStore(place.directory);
});

test("when the disk is full acceptance stops, settlements go on, and space that comes back is used", async () => {
  await using place = await scratch();
  {
    await using opened = await openTest(place.directory, { tuning: { maxPages: 120 } });
    const { store } = opened;
    const body = Buffer.alloc(20_000, "x");
    let stored = 0;
    await assert.rejects(
      async () => {
        for (;;) {
          await store.apply([acceptOf(stored + 1, [recipientOf(0, "leased")], body)]);
          stored++;
        }
      },
      (error) => error instanceof StoreFull,
    );
    assert.ok(stored > 5);
    const settled = store.apply([{ op: "settle", messageId: 1, recipients: [relayed(0)] }]);
    const refused = store.apply([acceptOf(900, [recipientOf(0, "leased")], Buffer.alloc(300_000))]);
    await settled;
    await assert.rejects(refused, (error) => error instanceof StoreFull);
    assert.equal(store.totals().relayed, 1);
    assert.equal(store.totals().messages, stored - 1);
    // The ballast is taken back first.
    await until(async () =>
      store.apply([acceptOf(901, [recipientOf(0, "queued")], body)]).then(
        () => true,
        () => false,
      ),
    );
    assert.equal(store.totals().messages, stored);
  }
  auditStore(place.directory);
});

test("no space for a segment refuses that content alone", async () => {
  await using place = await scratch();
  await using opened = await openTest(place.directory, { tuning: { faults: { segmentWrite: { at: 1, code: "ENOSPC" } } } });
  const { store } = opened;
  const failing = store.openContent();
  await failing.write(Buffer.alloc(50_000));
  await assert.rejects(failing.finish(), (error) => error instanceof StoreFull);
  failing.abort();
  const working = store.openContent();
  await working.write(Buffer.alloc(50_000, "b"));
  const extents = await working.finish();
  assert.ok(
    (await gather(store.readContent({ size: 50_000, leadingDots: false, eightBit: false, extents }, 1))).equals(Buffer.alloc(50_000, "b")),
  );
  await store.apply([acceptOf(1, [recipientOf(0, "queued")])]);
});

for (const fault of [{ segmentWrite: { at: 2, code: "EIO" } }, { segmentSync: { at: 2, code: "EIO" } }]) {
  test(`after an I/O error nothing is promised any more: ${JSON.stringify(fault)}`, async () => {
    await using place = await scratch();
    const faults: Error[] = [];
    await using opened = await openTest(place.directory, { tuning: { faults: fault }, onFault: (error) => faults.push(error) });
    const { store } = opened;
    const write = async (): Promise<unknown> => {
      const writer = store.openContent();
      await writer.write(Buffer.alloc(50_000));
      return writer.finish();
    };
    await write();
    await store.apply([acceptOf(1, [recipientOf(0, "queued")])]);
    await assert.rejects(write());
    await assert.rejects(store.apply([acceptOf(2, [recipientOf(0, "queued")])]), (error) => error instanceof StoreFailed);
    await assert.rejects(store.claim(1, 5000, 1), (error) => error instanceof StoreFailed);
    assert.equal(faults.length, 1);
  });
}

function change(file: string, sql: string): void {
  using database = new DatabaseSync(file);
  database.exec(sql);
}
