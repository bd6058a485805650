import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { auditStore } from "./audit.ts";
import { restore } from "./restore.ts";
import { acceptOf, gather, openTest, recipientOf, relayed, scratch } from "./support.ts";

test("a backup of the running store, restored, holds what was there when it began", async () => {
  await using place = await scratch();
  const [data, copy, back] = ["data", "copy", "back"].map((name) => join(place.directory, name)) as [string, string, string];
  const large = (id: number): Buffer => Buffer.alloc(200_000, `content of ${id}\r\n`);
  {
    await using opened = await openTest(data, { tuning: { historyChunk: 20 } });
    const { store } = opened;
    const acceptLarge = async (id: number): Promise<void> => {
      const writer = store.openContent();
      await writer.write(large(id));
      const content = { size: 200_000, leadingDots: false, eightBit: false, extents: await writer.finish() };
      await store.apply([acceptOf(id, [recipientOf(0, "leased")], null, { content })]);
    };
    for (let id = 1; id <= 50; id++) {
      await store.apply([acceptOf(id, [recipientOf(0, "leased")])]);
      await store.apply([{ op: "settle", messageId: id, recipients: [relayed(0)] }]);
    }
    for (let id = 101; id <= 120; id++) await acceptLarge(id);
    const progress: number[] = [];
    // While it is copied, everything it names is settled and new contents want the space.
    const backup = opened.backup(copy, (done) => progress.push(done));
    for (let id = 101; id <= 120; id++) {
      await store.apply([{ op: "settle", messageId: id, recipients: [relayed(0)] }]);
      await acceptLarge(id + 100);
    }
    await backup;
    assert.ok(progress.length > 1);
    await assert.rejects(opened.backup(copy), /not empty/);
  }
  auditStore(data);
  await rm(data, { recursive: true });
  await restore(copy, back);
  await assert.rejects(restore(copy, back), /holds a store already/);
  {
    await using opened = await openTest(back);
    const { store, archive } = opened;
    for (let id = 1; id <= 50; id++) assert.equal((await archive.trace(id))?.recipients[0]?.state, "relayed", `message ${id}`);
    const entries = await archive.list({}, { limit: 1000 });
    // The snapshot may lie between a settlement and the acceptance that follows it.
    assert.ok(entries.length >= 19);
    for (const { message } of entries) {
      const body = await gather(store.readContent(message.content, message.id));
      assert.ok(body.equals(large(message.id)), `content of ${message.id}`);
    }
    await store.apply([acceptOf(900, [recipientOf(0, "queued")])]);
  }
  auditStore(back);
});
