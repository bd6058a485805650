import { Buffer } from "node:buffer";
import { writeSync } from "node:fs";
import { acceptOf, openTest, recipientOf, relayed } from "./support.ts";

/** For crash.test.ts: accepts and settles without pause and tells on standard output what was acknowledged, until it is killed. */
const [directory = "", first = "1"] = process.argv.slice(2);
const { store } = await openTest(directory, { tuning: { historyChunk: 200 } });
let id = Math.max(store.lastId, Number(first));
const say = (what: string, which: number): unknown => writeSync(1, `${what} ${which}\n`);
const large = Buffer.alloc(150_000, "large content\r\n");

async function session(number: number): Promise<void> {
  for (;;) {
    const mine = ++id;
    if (number === 0) {
      const writer = store.openContent();
      await writer.write(large);
      const extents = await writer.finish();
      const content = { size: large.length, leadingDots: false, eightBit: false, extents };
      await store.apply([acceptOf(mine, [recipientOf(0, "queued")], null, { content })]);
      say("large", mine);
      continue;
    }
    await store.apply([acceptOf(mine, [recipientOf(0, mine % 3 === 0 ? "queued" : "leased")], Buffer.from(`body ${mine}`))]);
    say("accepted", mine);
    if (mine % 3 !== 1) continue;
    const attempt = { at: 1, durationMs: 1, route: "tenant", remote: "mx" };
    await store.apply([{ op: "settle", messageId: mine, recipients: [relayed(0)], attempt }]);
    say("relayed", mine);
  }
}

say("open", store.totals().messages);
await Promise.all(Array.from({ length: 8 }, (_, number) => session(number)));
