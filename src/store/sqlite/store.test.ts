import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { StoreConflict } from "../../queue/store.ts";
import { acceptOf, gather, openTest, recipientOf, relayed, scratch, until } from "./support.ts";

test("what was accepted is claimed once, settled, and told", async () => {
  await using place = await scratch();
  await using opened = await openTest(place.directory);
  const { store, archive } = opened;
  await store.apply([acceptOf(1, [recipientOf(0, "queued"), recipientOf(1, "queued", { lane: 2, notBefore: 5000 })])]);
  assert.deepEqual(await store.lanes(), [
    { lane: 1, notBefore: 1000 },
    { lane: 2, notBefore: 5000 },
  ]);
  const early = await store.claim(2, 4999, 10);
  assert.deepEqual(early, { messages: [], nextDue: 5000 });
  const { messages, nextDue } = await store.claim(1, 1000, 10);
  assert.equal(nextDue, null);
  assert.equal(messages.length, 1);
  assert.equal(messages[0]?.message.messageIdField, "<1@contoso.example>");
  assert.equal(Buffer.from(messages[0]?.message.prefix ?? []).toString(), "Received: here\r\n");
  assert.equal(Buffer.from(messages[0]?.body ?? []).toString(), "Hello");
  assert.deepEqual(
    messages[0]?.recipients.map(({ n, address }) => [n, address]),
    [[0, "bob0@fabrikam.example"]],
  );
  assert.deepEqual((await store.claim(1, 9000, 10)).messages, []);
  assert.deepEqual(store.totals(), {
    messages: 1,
    accepted: 2,
    queued: 1,
    leased: 1,
    inDoubt: 0,
    held: 0,
    relayed: 0,
    failed: 0,
    expired: 0,
    cancelled: 0,
  });

  const attempt = { at: 2000, durationMs: 12, route: "tenant", remote: "mx.contoso.example:25" };
  await store.apply([{ op: "settle", messageId: 1, recipients: [relayed(0)], attempt }]);
  assert.equal((await archive.trace(1))?.attempts[0]?.results[0]?.text, "250 2.0.0 OK");
  assert.equal((await gather(store.readContent({ size: 5, leadingDots: false, eightBit: false }, 1))).toString(), "Hello");
  await store.claim(2, 5000, 10);
  await store.apply([{ op: "settle", messageId: 1, recipients: [relayed(1)], attempt }]);
  assert.equal(store.totals().messages, 0);
  assert.equal(store.totals().relayed, 2);
  const record = await archive.trace(1);
  assert.equal(record?.attempts.length, 2);
  assert.deepEqual(
    record?.recipients.map(({ state }) => state),
    ["relayed", "relayed"],
  );
  assert.equal(await archive.trace(2), null);
});

test("a call that does not fit fails alone and whole", async () => {
  await using place = await scratch();
  await using opened = await openTest(place.directory);
  const { store } = opened;
  const results = await Promise.allSettled([
    store.apply([acceptOf(1, [recipientOf(0, "leased")])]),
    store.apply([acceptOf(2, [recipientOf(0, "leased")]), { op: "settle", messageId: 1, recipients: [relayed(0, "held")] }]),
    store.apply([acceptOf(3, [recipientOf(0, "queued")])]),
    store.apply([acceptOf(3, [recipientOf(0, "queued")])]),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "rejected"],
  );
  for (const result of results) if (result.status === "rejected") assert.ok(result.reason instanceof StoreConflict, String(result.reason));
  assert.deepEqual([store.totals().accepted, store.totals().messages, store.lastId], [2, 2, 3]);
});

test("leases end with the run that took them", async () => {
  await using place = await scratch();
  {
    await using first = await openTest(place.directory);
    await first.store.apply([acceptOf(1, [recipientOf(0, "leased"), recipientOf(1, "leased"), recipientOf(2, "held")])]);
    await first.store.apply([{ op: "begin", messageId: 1, recipients: [1, 2] }]);
  }
  await using second = await openTest(place.directory);
  assert.deepEqual(second.recovered, { queued: 1, inDoubt: 1 });
  const { queued, inDoubt, held, leased } = second.store.totals();
  assert.deepEqual({ queued, inDoubt, held, leased }, { queued: 1, inDoubt: 1, held: 1, leased: 0 });
});

test("large contents go to segments and come back", async () => {
  await using place = await scratch();
  await using opened = await openTest(place.directory);
  const { store } = opened;
  const body = Buffer.alloc(3_000_000, "0123456789abcdef\r\n");
  const writer = store.openContent();
  for (let at = 0; at < body.length; at += 70_001) await writer.write(body.subarray(at, at + 70_001));
  const extents = await writer.finish();
  const content = { size: body.length, leadingDots: false, eightBit: false, extents };
  await store.apply([acceptOf(1, [recipientOf(0, "queued")], null, { content })]);
  const claim = await store.claim(1, 5000, 1);
  assert.equal(claim.messages[0]?.body, null);
  assert.deepEqual(claim.messages[0]?.message.content, content);
  assert.ok(body.equals(await gather(store.readContent(content, 1))));

  // Given back by mistake after it was accepted: it stays. Given back before: the next takes its place.
  writer.abort();
  const dropped = store.openContent();
  await dropped.write(Buffer.alloc(40_000, "d"));
  const [place1] = await dropped.finish();
  dropped.abort();
  await new Promise(setImmediate);
  const next = store.openContent();
  await next.write(Buffer.alloc(40_000, "n"));
  assert.deepEqual(await next.finish(), [place1]);
  assert.ok(body.equals(await gather(store.readContent(content, 1))));
});

test("finished messages move to the history and are found there", async () => {
  await using place = await scratch();
  await using opened = await openTest(place.directory, { tuning: { historyChunk: 50 } });
  const { store, archive } = opened;
  const attempt = { at: 2000, durationMs: 12, route: "tenant", remote: "mx.contoso.example:25" };
  for (let id = 1; id <= 120; id++) {
    await store.apply([acceptOf(id, [recipientOf(0, "leased", { address: `user${id}@fabrikam.example` })])]);
    await store.apply([{ op: "settle", messageId: id, recipients: [relayed(0)], attempt }]);
  }
  await store.apply([{ op: "event", messageId: 7, event: { at: 3000, what: "bounced", text: "mailbox gone" } }]);
  await until(() => readdirSync(`${place.directory}/history`).length > 0);
  for (const id of [1, 50, 51, 100, 101, 120])
    assert.equal((await archive.trace(id))?.recipients[0]?.address, `user${id}@fabrikam.example`);
  assert.equal((await archive.trace(7))?.events[0]?.what, "bounced");
  assert.deepEqual(
    (await archive.find({ messageIdField: "<33@contoso.example>", limit: 10 })).map(({ id }) => id),
    [33],
  );
  assert.deepEqual(
    (await archive.find({ recipient: "USER44@fabrikam.example", limit: 10 })).map(({ id }) => id),
    [44],
  );
  assert.deepEqual(
    (await archive.find({ recipient: "fabrikam.example", limit: 3 })).map(({ id }) => id),
    [120, 119, 118],
  );
  assert.deepEqual(await archive.find({ recipient: "nobody@fabrikam.example", limit: 3 }), []);
});

test("an operator's change reaches what it selects and nothing that is leased", async () => {
  await using place = await scratch();
  await using opened = await openTest(place.directory);
  const { store, archive } = opened;
  const states = ["queued", "leased", "held"] as const;
  await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      store.apply([acceptOf(i + 1, [recipientOf(0, states[i % 3] ?? "queued")], null, { principal: i < 15 ? "app" : "office" })]),
    ),
  );
  const event = { at: 1, what: "cancelled", text: "by the operator" };
  const order = { from: ["queued", "held"] as const, to: "cancelled", event, limit: 4 } as const;
  let [changed, leased, calls] = [0, 0, 0];
  for (let after: number | null = 0; after !== null; calls++) {
    const result = await store.change({ ...order, filter: { principal: "app" } }, after);
    changed += result.changed;
    leased += result.leased;
    after = result.next;
  }
  assert.deepEqual([changed, leased, calls > 1], [10, 5, true]);
  assert.equal(await archive.count({}), 20);
  assert.equal(await archive.count({ principal: "app" }), 5);
  assert.equal(await archive.count({ state: "held" }), 5);
  assert.deepEqual((await archive.trace(1))?.events, [event]);
  const released = await store.change({
    filter: { state: "held" },
    from: ["held"],
    to: "queued",
    notBefore: 77,
    event: { ...event, what: "released" },
    limit: 100,
  });
  assert.deepEqual(released, { changed: 5, leased: 0, next: null });
  assert.deepEqual(
    (await archive.list({ state: "queued", recipient: "@fabrikam.example" }, { limit: 3, after: 18 })).map(({ message }) => message.id),
    [18 + 1, 18 + 3, 18 + 4],
  );
});

test("what has outlived its lifetime is found in any lane", async () => {
  await using place = await scratch();
  await using opened = await openTest(place.directory);
  const { store } = opened;
  const waiting = (id: number, expiresAt: number) =>
    acceptOf(id, [recipientOf(0, "queued", { lane: id, notBefore: 9_000_000 })], null, { expiresAt });
  await store.apply([waiting(1, 500), waiting(2, 100), waiting(3, 9000), acceptOf(4, [recipientOf(0, "held")], null, { expiresAt: 50 })]);
  const overdue = await store.claimExpired(600, 10);
  assert.deepEqual(
    overdue.map(({ message }) => message.id),
    [2, 1],
  );
  assert.deepEqual(await store.claimExpired(600, 10), []);
});
