import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openStore } from "../../src/store/sqlite/open-store.ts";
import { messageOf, recipientOf } from "../../src/store/sqlite/support.ts";
import { mountSmallDisk, skipUnlessMountable } from "../support/small-disk.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test(
  "a store that was closed in good order opens, hands out and settles on a disk without a byte",
  { skip: skipUnlessMountable() },
  async () => {
    using folder = temporaryFolder();
    using disk = mountSmallDisk(folder.path, 160);
    const open = () =>
      openStore({
        directory: join(disk.path, "data"),
        now: () => Date.now(),
        freeSpaceReserveBytes: 0,
        onFault: (error) => assert.fail(error),
      });
    {
      await using opened = await open();
      for (let id = 1; id <= 200; id++) {
        await opened.store.apply([
          { op: "accept", message: messageOf(id), body: Buffer.alloc(8000, 65), recipients: [recipientOf(0, "queued")] },
        ]);
      }
    }
    disk.fill();
    await using opened = await open();
    assert.ok(opened.store.freeBytes() <= 0, "nothing may be accepted");
    const { messages } = await opened.store.claim(1, Date.now(), 200);
    assert.equal(messages.length, 200);
    for (const { message } of messages) {
      await opened.store.apply([
        { op: "settle", messageId: message.id, recipients: [{ n: 0, from: "leased", to: "relayed", attempts: 1 }] },
      ]);
    }
    assert.equal(opened.store.totals().relayed, 200);
  },
);
