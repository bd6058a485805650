import assert from "node:assert/strict";
import { test } from "node:test";
import { openLimitedWorld, openQueueWorld } from "../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";
import { until } from "../../test/support/until.ts";
import { ruleOf } from "../limits/support.ts";
import { failure } from "../mail/failure-codes.ts";
import type { Outcome } from "../mail/outcome.ts";
import { LaneBook, type Lane } from "./lanes.ts";
import { Room } from "./room.ts";
import { openTurns } from "./turn.ts";
import { WaitingLanes } from "./waiting-lanes.ts";

const now = Date.UTC(2026, 10, 21);

/** Lanes of one principal with work in the store, before a gate that was opened a moment ago. */
function waitingAtGate() {
  const [, turn] = openTurns();
  turn.gate.until = now - 1000;
  const asked: Lane[] = [];
  const letIn = new Set<Lane>();
  const waiting = new WaitingLanes(new Room(), (lane) => {
    asked.push(lane);
    if (lane.backlogDue !== null && waiting.mostJobs(lane, turn, now) > 0) letIn.add(lane);
  });
  const book = new LaneBook();
  const laneTo = (domain: string): Lane => {
    const lane = book.find({ principal: "app" }, { generation: "1", candidates: ["out"], recipientClass: "external" }, domain);
    lane.backlogDue = now;
    return lane;
  };
  return { turn, waiting, asked, letIn, laneTo };
}

test("who waits for a place is called though others before it wait for nothing any more", () => {
  const { turn, waiting, asked, letIn, laneTo } = waitingAtGate();
  const first = laneTo("a.example");
  assert.equal(waiting.mostJobs(first, turn, now), 8);
  const [gone, also, next, last] = [laneTo("b.example"), laneTo("c.example"), laneTo("d.example"), laneTo("e.example")];
  turn.waiting.add(gone);
  for (const lane of [also, next, last]) assert.equal(waiting.mostJobs(lane, turn, now), 0);
  gone.backlogDue = null;
  also.backlogDue = null;
  waiting.call();
  assert.deepEqual(asked, [gone, also, next]);
  assert.deepEqual([...letIn], [next]);
});

test("lanes that are let in at one moment are no more than there are places, before any has come", () => {
  const { turn, waiting, laneTo } = waitingAtGate();
  const lanes = Array.from({ length: 40 }, (_, n) => laneTo(`d${n}.example`));
  const letIn = new Set(lanes.filter((lane) => waiting.mostJobs(lane, turn, now) > 0));
  assert.ok(letIn.size <= 16, `${letIn.size} lanes`);
  assert.ok(letIn.size > 0);
});

test("a new message does not go before those of its principal that wait in the store", () => {
  const { turn, waiting, laneTo } = waitingAtGate();
  const fresh = laneTo("new.example");
  fresh.backlogDue = null;
  assert.ok(waiting.mayEnter(fresh, turn, now));
  fresh.claiming = true;
  assert.ok(!waiting.mayEnter(fresh, turn, now));
  fresh.claiming = false;
  turn.waiting.add(laneTo("old.example"));
  assert.ok(!waiting.mayEnter(fresh, turn, now));
});

test("claims of many lanes bring no more than there is room for", async () => {
  const opening = Promise.withResolvers<Outcome>();
  const route = new ScriptedRoute("out", () => opening.promise);
  await using world = await openQueueWorld({ routes: [route] });
  world.queue.dispatcher.pause("out");
  const sent = Array.from({ length: 2400 }, (_, n) => world.send({ to: [`x@d${n % 60}.example`], principal: `app${n % 4}` }));
  await Promise.all(sent);
  assert.equal(world.opened.store.totals().queued, 2400);
  world.queue.dispatcher.resume("out");
  await until("memory is full", () => world.opened.store.totals().leased >= 750);
  await world.opened.store.settle();
  assert.ok(world.opened.store.totals().leased <= 1000, `${world.opened.store.totals().leased} in memory`);
  opening.resolve(relayed);
  await until("all have gone", () => world.opened.store.totals().relayed === 2400);
});

test("a memory full of mail of many lanes makes way when its gate closes for a moment", async () => {
  const opening = Promise.withResolvers<Outcome>();
  const slow = new ScriptedRoute("slow", () => opening.promise, { concurrency: 2 });
  const fast = new ScriptedRoute("fast", () => relayed);
  await using world = await openLimitedWorld({
    routes: [slow, fast],
    rules: [
      { name: "free", when: { recipientDomains: ["free.example"] }, routes: ["fast"] },
      { name: "rest", routes: ["slow"] },
    ],
    limits: [ruleOf({ amount: 3, windowMs: 40_000, routes: [{ name: "slow", counted: "" }] })],
  });
  for (let n = 0; n < 1200; n++) await world.send({ to: [`x@d${n % 60}.example`], principal: `app${Math.floor(n / 60)}` });
  assert.equal(world.opened.store.totals().leased, 900, "full");
  opening.resolve(relayed);
  await until("the limit is reached", () => world.opened.store.totals().relayed === 3);
  await world.queue.dispatcher.atRest();
  await world.send({ to: ["y@free.example"], principal: "other" });
  await until("the other has gone", () => fast.transactions.length === 1);
  assert.equal(slow.transactions.length, 3);
});

test("what one route refuses and the next is at a limit for does not fill the memory", async () => {
  const narrow = new ScriptedRoute("narrow", () => ({ action: "failed", failure: failure("remote.too-large") }));
  const slow = new ScriptedRoute("slow", () => relayed);
  const fast = new ScriptedRoute("fast", () => relayed);
  await using world = await openLimitedWorld({
    routes: [narrow, slow, fast],
    rules: [
      { name: "free", when: { recipientDomains: ["free.example"] }, routes: ["fast"] },
      { name: "rest", routes: ["narrow", "slow"] },
    ],
    limits: [ruleOf({ amount: 30, windowMs: 60_000, burst: 1, routes: [{ name: "slow", counted: "" }] })],
  });
  const sent = Array.from({ length: 1200 }, (_, n) => world.send({ to: [`x@d${n % 60}.example`], principal: `app${n % 3}` }));
  await Promise.all(sent);
  await until("the narrow route has seen all", () => narrow.transactions.length >= 1200);
  await world.send({ to: ["y@free.example"], principal: "other" });
  await until("the other has gone", () => fast.transactions.length === 1);
  assert.ok(!world.facts.some((fact) => fact.startsWith("failed")), "what the narrow route cannot carry waits for the other");
});
