import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dns } from "../../lib/dns/dns.ts";
import { MxTargets, NamedTargets } from "./targets.ts";

test("when its time is over one transaction tries a host, and the others go elsewhere until that one knows", async () => {
  let now = 0;
  const targets = new NamedTargets(["a", "b"], 25, () => now);
  const first = async () => {
    const order = await targets.order();
    return order.map(({ host }) => host);
  };
  const a = { host: "a", port: 25 };
  targets.troubled(a, "down");
  for (let n = 0; n < 4; n++) assert.deepEqual(await first(), ["b", "a"]);
  now = 15_000;
  const firsts = [];
  for (let n = 0; n < 6; n++) firsts.push((await first())[0]);
  assert.equal(firsts.filter((host) => host === "a").length, 1);
  targets.troubled(a, "still down");
  assert.equal(targets.health()[0]?.trouble?.restMs, 30_000);
  now += 30_000;
  while ((await first())[0] !== "a");
  targets.worked(a);
  assert.deepEqual(
    targets.health().map(({ trouble }) => trouble),
    [null, null],
  );
  assert.equal(new Set([(await first())[0], (await first())[0]]).size, 2);
});

test("rests grow to five minutes and no further", async () => {
  let now = 0;
  const targets = new NamedTargets(["a"], 25, () => now);
  const rests = [];
  for (let n = 0; n < 7; n++) {
    await targets.order();
    targets.troubled({ host: "a", port: 25 }, "down");
    const rest = targets.health()[0]?.trouble?.restMs ?? 0;
    rests.push(rest);
    now += rest;
  }
  assert.deepEqual(rests, [15_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
});

test("a host that the domain names no longer has no trouble left when it comes back", async () => {
  let names = ["a", "b"];
  const mx = () =>
    Promise.resolve({ records: names.map((exchange) => ({ preference: 10, exchange })), authentic: false, noSuchName: false, ttl: 60 });
  const targets = new MxTargets("contoso.example", 25, { mx } as unknown as Dns, () => 0);
  const { signal } = new AbortController();
  const order = async () => {
    const found = await targets.order(signal);
    return "code" in found ? [] : found.map(({ host }) => host);
  };
  assert.deepEqual(await order(), ["a", "b"]);
  targets.troubled({ host: "a", port: 25 }, "down");
  assert.deepEqual(await order(), ["b", "a"]);
  names = ["b"];
  await order();
  names = ["a", "b"];
  assert.deepEqual(await order(), ["a", "b"]);
});
