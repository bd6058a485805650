import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Anchor, UsageMark } from "../../limits/journal.ts";
import { restore } from "./restore.ts";
import { acceptOf, openTest, recipientOf, scratch } from "./support.ts";

function anchorAt(at: number): Anchor {
  return { at, now: at + 5, steady: 1234.5, boot: "5e1f", floors: { "smtp-auth.recipients-per-day": 20 } };
}

function markOf(chunk: number, changes: Partial<UsageMark> = {}): UsageMark {
  return { chunk, counter: '["a","mailbox x","",""]', kind: "used", units: 20, settledAt: null, until: null, ...changes };
}

test("marks are there after a restart: the latest of each number, without those that are over or empty", async () => {
  await using place = await scratch();
  {
    await using opened = await openTest(place.directory);
    const journal = opened.store.limitJournal;
    assert.deepEqual(await journal.load(), { anchor: null, marks: [] });
    await journal.write({
      anchor: anchorAt(1000),
      marks: [markOf(1), markOf(2), markOf(3, { kind: "foreign", settledAt: 900, until: 1500 })],
    });
    await journal.write({
      anchor: anchorAt(1499),
      marks: [markOf(1, { units: 17, settledAt: 1400, until: 2400 }), markOf(2, { units: 0 }), markOf(4, { settledAt: 400, until: 1499 })],
    });
  }
  await using opened = await openTest(place.directory);
  const journal = opened.store.limitJournal;
  assert.deepEqual(await journal.load(), {
    anchor: anchorAt(1499),
    marks: [markOf(1, { units: 17, settledAt: 1400, until: 2400 }), markOf(3, { kind: "foreign", settledAt: 900, until: 1500 })],
  });
  await journal.write({ anchor: anchorAt(1500), marks: [markOf(5)], replacesAll: true });
  assert.deepEqual(await journal.load(), { anchor: anchorAt(1500), marks: [markOf(5)] });
});

test("marks share the commits of the queue and are in its backups", async () => {
  await using place = await scratch();
  const [data, copy, back] = ["data", "copy", "back"].map((name) => join(place.directory, name)) as [string, string, string];
  {
    await using opened = await openTest(data);
    const { store } = opened;
    const journal = store.limitJournal;
    await Promise.all([
      store.apply([acceptOf(1, [recipientOf(0, "queued")])]),
      journal.write({ anchor: anchorAt(1000), marks: [markOf(1)] }),
      // A call of the same batch that is refused takes nothing with it.
      assert.rejects(store.apply([acceptOf(1, [recipientOf(0, "queued")])])),
      journal.write({ anchor: anchorAt(1001), marks: [markOf(2)] }),
    ]);
    await opened.backup(copy);
  }
  await restore(copy, back);
  await using opened = await openTest(back);
  assert.deepEqual(await opened.store.limitJournal.load(), { anchor: anchorAt(1001), marks: [markOf(1), markOf(2)] });
  assert.equal(opened.store.totals().queued, 1);
});
