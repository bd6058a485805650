import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptOf, openTest, recipientOf, relayed, scratch } from "../support.ts";

test("what waits is told by lane and time, with samples of what it is", async () => {
  await using place = await scratch();
  await using opened = await openTest(place.directory);
  const { store, archive } = opened;
  const bulk = { priority: "bulk", reversePath: "news@contoso.example" } as const;
  await store.apply([
    acceptOf(1, [recipientOf(0, "queued"), recipientOf(1, "leased"), recipientOf(2, "held"), recipientOf(3, "queued", { lane: 2 })]),
    acceptOf(2, [recipientOf(0, "queued", { notBefore: 50_000 }), recipientOf(1, "queued", { notBefore: 50_001 })], undefined, bulk),
    acceptOf(3, [recipientOf(0, "queued"), recipientOf(1, "leased")]),
  ]);
  await store.apply([{ op: "settle", messageId: 3, recipients: [relayed(1)] }]);
  const lanes = [...(await archive.backlog(20_000))].sort((a, b) => a.samples.length - b.samples.length);
  assert.deepEqual(
    lanes.map(({ due }) => due),
    [
      [[20_000, 1]],
      // What falls due within a minute counts at its end.
      [
        [20_000, 3],
        [80_000, 2],
      ],
    ],
  );
  const plain = { principal: "app", reversePath: "scanner@contoso.example", author: "scanner@contoso.example", domain: "fabrikam.example" };
  const size = 5 + "Received: here\r\n".length;
  assert.deepEqual(lanes[0]?.samples, [{ ...plain, size, recipients: 1 }]);
  assert.deepEqual(
    lanes[1]?.samples.toSorted((a, b) => a.recipients - b.recipients || a.principal.localeCompare(b.principal)),
    [
      { ...plain, size, recipients: 1 },
      { ...plain, size, recipients: 2 },
      { ...plain, ...bulk, size, recipients: 2 },
    ],
  );
});
