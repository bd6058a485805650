import assert from "node:assert/strict";
import { test } from "node:test";
import { openQueueWorld } from "../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";
import { failure, type FailureCode } from "../mail/failure-codes.ts";
import type { Outcome } from "../mail/outcome.ts";

const trouble = (code: FailureCode): Outcome => ({ action: "delayed", failure: failure(code, { scope: "destination" }) });

async function open(code: FailureCode) {
  const direct = new ScriptedRoute("direct", (_, { address }) => (address.endsWith("@down.example") ? trouble(code) : relayed), {
    perDestination: true,
  });
  const relay = new ScriptedRoute("relay", () => relayed);
  return { direct, relay, world: await openQueueWorld({ routes: [direct, relay] }) };
}

test("a destination that cannot be reached three times goes by the next route; others and the route itself are not concerned", async () => {
  const { direct, relay, world } = await open("network.connect");
  await using _world = world;
  const id = await world.send({ to: ["a@down.example", "b@up.example"] });
  await world.queue.dispatcher.atRest();
  assert.deepEqual([direct.transactions.length, relay.transactions.length], [2, 0]);
  await world.advance(61_000);
  assert.deepEqual([direct.transactions.length, relay.transactions.length], [3, 0]);
  await world.advance(121_000);
  assert.deepEqual([direct.transactions.length, relay.transactions.length], [4, 1]);
  assert.deepEqual(
    relay.transactions[0]?.recipients.map(({ address }) => address),
    ["a@down.example"],
  );
  assert.equal(world.opened.store.totals().relayed, 2);
  assert.ok(!world.facts.includes("open direct"));
  const record = await world.opened.archive.trace(id);
  assert.match(record?.events.find(({ what }) => what === "route-switched")?.text ?? "", /direct .*did not take it.*going on with relay/);
});

test("a destination that answers, or that demands better encryption, is waited for", async () => {
  for (const code of [
    "remote.unavailable",
    "tls.not-offered",
    "tls.certificate-untrusted",
    "mta-sts.server-not-listed",
    "dns.temporary",
  ] as const) {
    const { relay, world } = await open(code);
    await using _world = world;
    await world.send({ to: ["a@down.example"] });
    await world.advance(24 * 3_600_000);
    assert.equal(relay.transactions.length, 0, code);
  }
});
