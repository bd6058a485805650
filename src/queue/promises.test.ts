import assert from "node:assert/strict";
import { test } from "node:test";
import { openLimitedWorld } from "../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";
import { hourMs, minuteMs, ruleOf } from "../limits/support.ts";
import type { LimitRule } from "../limits/rule.ts";

/** Room is lost by no more than this share of an hour's amount; counting up to five seconds late alone costs 0.16 %. */
const leastShare = 0.98;

/** Accepts `count` messages at once and lets the time go on until all are out. */
async function sendAll(rule: LimitRule, count: number) {
  const sentAt: number[] = [];
  const order: number[] = [];
  const route = new ScriptedRoute("main", ({ messageId }) => {
    sentAt.push(world.clock.now());
    order.push(ids.indexOf(messageId));
    return relayed;
  });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule] });
  let asked = 0;
  const admit = world.ledger.admit.bind(world.ledger);
  world.ledger.admit = (request) => {
    asked++;
    return admit(request);
  };
  const start = world.clock.now();
  const ids: number[] = [];
  // An id is known when it is accepted: it may be under way by then.
  world.queue.dispatcher.pause("main");
  for (let n = 0; n < count; n++) ids.push(await world.send({ to: ["alice@fabrikam.example"] }));
  world.queue.dispatcher.resume("main");
  await world.advance(2 * Math.ceil(count / rule.amount) * hourMs);
  return {
    sent: sentAt.length,
    tookMs: (sentAt.at(-1) ?? start) - start,
    mostDisplaced: Math.max(...order.map((n, at) => Math.abs(n - at))),
    askedEach: asked / count,
  };
}

for (const { scope, amount, burst } of [
  { scope: "principal", amount: 60, burst: 60 },
  { scope: "principal", amount: 60, burst: 1 },
  { scope: "sender-recipient", amount: 20, burst: 20 },
  { scope: "recipient", amount: 20, burst: 1 },
] as const) {
  test(`${amount} an hour for each ${scope}, ${burst} at once: each message asks for itself, few times, and no room is lost`, async (t) => {
    const count = 5 * amount;
    const { sent, tookMs, mostDisplaced, askedEach } = await sendAll(ruleOf({ amount, windowMs: hourMs, scope: [scope], burst }), count);
    t.diagnostic(
      `${(tookMs / minuteMs).toFixed(1)} minutes, asked ${askedEach.toFixed(2)} times each, ${mostDisplaced} places out of order`,
    );
    assert.equal(sent, count);
    // The first `burst` go at once, the rest as the window leaves room.
    assert.ok(tookMs <= ((count - burst) / amount / leastShare) * hourMs, `${tookMs / minuteMs} minutes`);
    assert.ok(askedEach <= 4, `asked ${askedEach} times each`);
    assert.ok(mostDisplaced <= amount, `${mostDisplaced} places out of order`);
  });
}
