import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { failure } from "../mail/failure-codes.ts";
import type { Outcome } from "../mail/outcome.ts";
import { Router } from "../routing/decide.ts";
import { StoreFull } from "./store.ts";
import { openQueueWorld } from "../../test/support/queue-world.ts";
import { until } from "../../test/support/until.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";

const full: Outcome = { action: "delayed", failure: failure("remote.mailbox-full") };
const unknown: Outcome = { action: "failed", failure: failure("remote.no-such-recipient") };
const tooLarge: Outcome = { action: "failed", failure: failure("remote.too-large") };
const down: Outcome = { action: "delayed", failure: failure("network.connect") };

test("recipients of one message go in one transaction, and the balance closes", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  await using world = await openQueueWorld({ routes: [route] });
  await world.send({ to: ["a@contoso.example", "b@fabrikam.example"] });
  await world.queue.dispatcher.atRest();
  assert.equal(route.transactions.length, 1);
  assert.deepEqual(
    route.transactions[0]?.recipients.map(({ address }) => address),
    ["a@contoso.example", "b@fabrikam.example"],
  );
  const totals = world.opened.store.totals();
  assert.deepEqual(
    { accepted: totals.accepted, relayed: totals.relayed, messages: totals.messages },
    { accepted: 2, relayed: 2, messages: 0 },
  );
});

test("what goes out is what we put on top and then the content as it came, also when it must be read from the store", async () => {
  const seen: string[] = [];
  const route = new ScriptedRoute("out", async ({ content }) => {
    const pieces: Uint8Array[] = [];
    for await (const piece of content.stream()) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    assert.equal(content.size, text.length);
    seen.push(text);
    return seen.length === 1 ? full : relayed;
  });
  await using world = await openQueueWorld({ routes: [route] });
  await world.send({ to: ["full@contoso.example"] });
  await world.advance(61_000);
  assert.equal(seen.length, 2);
  for (const text of seen) assert.equal(text, "Received: test\r\nFrom: <app@contoso.example>\r\nSubject: hello\r\n\r\nbody\r\n");
});

test("a message with more recipients than a transaction takes is split", async () => {
  const route = new ScriptedRoute("out", () => relayed, { maxRecipients: 40 });
  await using world = await openQueueWorld({ routes: [route] });
  await world.send({ to: Array.from({ length: 100 }, (_, i) => `r${i}@fabrikam.example`) });
  await world.queue.dispatcher.atRest();
  assert.deepEqual(route.transactions.map(({ recipients }) => recipients.length).sort(), [20, 40, 40]);
  assert.equal(world.opened.store.totals().relayed, 100);
});

test("a route that goes to each destination on its own gets one at a time, and no destination waits for another", async () => {
  const stuck = Promise.withResolvers<void>();
  const route = new ScriptedRoute(
    "direct",
    async (_, { address }) => {
      if (address.endsWith("@slow.example")) await stuck.promise;
      return relayed;
    },
    { perDestination: true },
  );
  await using world = await openQueueWorld({ routes: [route] });
  const domains = Array.from({ length: 30 }, (_, i) => `d${i}.example`);
  await world.send({ to: ["a@slow.example", ...domains.map((domain) => `a@${domain}`), "b@D3.example"] });
  await until("all but the slow one are settled", () => world.opened.store.totals().relayed === 31);
  stuck.resolve();
  await world.queue.dispatcher.atRest();
  assert.equal(world.opened.store.totals().relayed, 32);
  assert.equal(route.transactions.length, 31);
  for (const { recipients } of route.transactions)
    assert.equal(new Set(recipients.map(({ address }) => address.split("@")[1]?.toLowerCase())).size, 1);
});

test("a delayed recipient harms no other and is tried again by the schedule", async () => {
  let answers = 0;
  const route = new ScriptedRoute("out", (_, { address }) => (address.startsWith("full") && answers++ < 2 ? full : relayed));
  await using world = await openQueueWorld({ routes: [route] });
  await world.send({ to: ["ok@contoso.example", "full@contoso.example"] });
  await world.queue.dispatcher.atRest();
  assert.equal(world.opened.store.totals().relayed, 1);
  await world.advance(59_000);
  assert.equal(route.transactions.length, 1);
  await world.advance(2_000);
  assert.equal(route.transactions.length, 2, "the first retry after a minute");
  await world.advance(115_000);
  assert.equal(route.transactions.length, 2);
  await world.advance(6_000);
  assert.equal(route.transactions.length, 3, "the second after two more");
  assert.deepEqual(world.opened.store.totals().relayed, 2);
  assert.deepEqual(
    route.transactions[2]?.recipients.map(({ address }) => address),
    ["full@contoso.example"],
  );
});

test("a refused recipient fails at once and its sender gets a DSN, committed together", async () => {
  const route = new ScriptedRoute("out", (_, { address }) => (address.startsWith("nobody") ? unknown : relayed));
  await using world = await openQueueWorld({ routes: [route] });
  const id = await world.send({ to: ["nobody@contoso.example", "ok@contoso.example"] });
  await world.queue.dispatcher.atRest();
  const dsn = route.transactions.find(({ envelope }) => envelope.reversePath === null);
  assert.deepEqual(
    dsn?.recipients.map(({ address }) => address),
    ["app@contoso.example"],
  );
  const totals = world.opened.store.totals();
  assert.deepEqual({ accepted: totals.accepted, relayed: totals.relayed, failed: totals.failed }, { accepted: 3, relayed: 2, failed: 1 });
  const story = await world.opened.archive.trace(id);
  assert.deepEqual(
    story?.recipients.map(({ state }) => state),
    ["failed", "relayed"],
  );
  assert.ok(story?.events.some(({ what }) => what === "dsn-sent"));
});

test("a DSN that is refused is held for the postmaster and causes no other", async () => {
  const route = new ScriptedRoute("out", () => unknown);
  await using world = await openQueueWorld({ routes: [route] });
  await world.send({ to: ["nobody@contoso.example"] });
  await world.queue.dispatcher.atRest();
  const totals = world.opened.store.totals();
  assert.deepEqual({ accepted: totals.accepted, failed: totals.failed, held: totals.held }, { accepted: 2, failed: 1, held: 1 });
});

test("mail of the null reverse-path that fails causes no DSN", async () => {
  const route = new ScriptedRoute("out", () => unknown);
  await using world = await openQueueWorld({ routes: [route] });
  await world.send({ to: ["nobody@contoso.example"], from: null });
  await world.queue.dispatcher.atRest();
  assert.equal(world.opened.store.totals().accepted, 1);
  assert.equal(world.opened.store.totals().failed, 1);
});

test("trouble of a route moves the message to the next candidate within the same turn", async () => {
  const first = new ScriptedRoute("first", () => down);
  const second = new ScriptedRoute("second", () => relayed);
  await using world = await openQueueWorld({ routes: [first, second] });
  const id = await world.send({ to: ["a@fabrikam.example"] });
  await world.queue.dispatcher.atRest();
  assert.equal(second.transactions.length, 1);
  const story = await world.opened.archive.trace(id);
  assert.equal(story?.recipients[0]?.state, "relayed");
  assert.ok(story?.events.some(({ what, text }) => what === "route-switched" && text.includes("second")));
});

test("a route in trouble is left alone until a probe finds it well; nothing is lost meanwhile", async () => {
  const route = new ScriptedRoute("out", () => down);
  route.healthy = false;
  await using world = await openQueueWorld({ routes: [route] });
  for (let i = 0; i < 20; i++) await world.send({ to: [`r${i}@fabrikam.example`] });
  await world.queue.dispatcher.atRest();
  assert.ok(world.facts.includes("open out"));
  await world.advance(3_600_000);
  const tried = route.transactions.length;
  assert.ok(tried < 60, `an open circuit keeps mail back: ${tried} transactions`);
  assert.equal(world.opened.store.totals().queued, 20);
  route.healthy = true;
  route.answerWith(() => relayed);
  await world.advance(600_000);
  assert.ok(world.facts.includes("closed out"));
  assert.equal(world.opened.store.totals().relayed, 20);
});

test("what cannot be passed on in its lifetime expires with a DSN, also when its route never came back", async () => {
  const dead = new ScriptedRoute("dead", () => down);
  dead.healthy = false;
  const live = new ScriptedRoute("live", () => relayed);
  const rules = [
    { name: "dsn", when: { class: "dsn" as const }, routes: ["live"] },
    { name: "rest", routes: ["dead"] },
  ];
  await using world = await openQueueWorld({ routes: [dead, live], rules, options: { lifetimeMs: 7_200_000 } });
  for (let i = 0; i < 5; i++) await world.send({ to: [`r${i}@fabrikam.example`] });
  await world.advance(7_200_000 + 600_000);
  const totals = world.opened.store.totals();
  assert.deepEqual({ expired: totals.expired, queued: totals.queued, relayed: totals.relayed }, { expired: 5, queued: 0, relayed: 5 });
  assert.equal(live.transactions.length, 5);
});

test("the last attempt falls on the end of the lifetime, and then the message expires", async () => {
  const times: number[] = [];
  const route = new ScriptedRoute("out", (_, { address }) => {
    if (address.startsWith("app")) return relayed;
    times.push(world.clock.now());
    return full;
  });
  await using world = await openQueueWorld({ routes: [route], options: { lifetimeMs: 600_000 } });
  const sent = world.clock.now();
  await world.send({ to: ["full@fabrikam.example"] });
  await world.advance(1_200_000);
  assert.deepEqual(
    times.map((time) => Math.round((time - sent) / 60_000)),
    [0, 1, 3, 7, 10],
  );
  assert.equal(world.opened.store.totals().expired, 1);
});

test("a lost answer is repeated where the route may repeat, and kept in doubt where it may not", async () => {
  const lost: Outcome = { action: "delayed", failure: failure("route.answer-lost"), inDoubt: true };
  let answers = 0;
  const repeating = new ScriptedRoute("repeating", () => (answers++ === 0 ? lost : relayed));
  const metered = new ScriptedRoute("metered", () => lost, { inDoubt: "wait" });
  const rules = [
    { name: "internal", when: { class: "internal" as const }, routes: ["repeating"] },
    { name: "rest", routes: ["metered"] },
  ];
  await using world = await openQueueWorld({ routes: [repeating, metered], rules });
  await world.send({ to: ["a@contoso.example", "b@fabrikam.example"] });
  await world.advance(3_600_000);
  assert.equal(repeating.transactions.length, 2);
  assert.equal(metered.transactions.length, 1);
  const totals = world.opened.store.totals();
  assert.deepEqual({ relayed: totals.relayed, inDoubt: totals.inDoubt }, { relayed: 1, inDoubt: 1 });
});

test("a flood of one principal does not delay another's message by more than a turn", async () => {
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const route = new ScriptedRoute(
    "out",
    async (_, { address }) => {
      await gate.promise;
      order.push(address);
      return relayed;
    },
    { concurrency: 2 },
  );
  await using world = await openQueueWorld({ routes: [route] });
  for (let i = 0; i < 300; i++) await world.send({ to: [`flood${i}@fabrikam.example`], principal: "newsletter" });
  await world.send({ to: ["reset@fabrikam.example"], principal: "app" });
  gate.resolve();
  await world.queue.dispatcher.atRest();
  assert.equal(order.length, 301);
  assert.ok(order.indexOf("reset@fabrikam.example") < 6, `it came as number ${order.indexOf("reset@fabrikam.example")}`);
});

test("a flood to one destination does not starve another destination of the same principal", async () => {
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const route = new ScriptedRoute(
    "out",
    async (_, { address }) => {
      await gate.promise;
      order.push(address);
      return relayed;
    },
    { concurrency: 2 },
  );
  await using world = await openQueueWorld({ routes: [route] });
  for (let i = 0; i < 3000; i++) await world.send({ to: [`flood${i}@fabrikam.example`] });
  await world.send({ to: ["one@outlook.example"] });
  gate.resolve();
  await world.queue.dispatcher.atRest();
  assert.equal(order.length, 3001, "also what had no room in memory is sent");
  assert.ok(order.indexOf("one@outlook.example") < 10, `it came as number ${order.indexOf("one@outlook.example")}`);
});

test("a destination that hangs does not take all places of a route", async () => {
  const gate = Promise.withResolvers<void>();
  const route = new ScriptedRoute(
    "out",
    async (_, { address }) => {
      if (address.startsWith("hang")) await gate.promise;
      return relayed;
    },
    { concurrency: 10 },
  );
  await using world = await openQueueWorld({ routes: [route] });
  for (let i = 0; i < 40; i++) await world.send({ to: [`hang${i}@fabrikam.example`] });
  await world.send({ to: ["one@outlook.example"] });
  await until("the other destination's message is relayed", () => world.facts.includes("relayed one@outlook.example by out"));
  assert.equal(route.running, 5, "only the first of the flood are under way");
  gate.resolve();
  await world.queue.dispatcher.atRest();
  assert.equal(world.opened.store.totals().relayed, 41);
});

test("what was leased or queued when the process ended goes on after a restart", async () => {
  const route = new ScriptedRoute("out", () => full);
  const world = await openQueueWorld({ routes: [route] });
  await world.send({ to: ["a@fabrikam.example"] });
  await world.queue.dispatcher.atRest();
  route.answerWith(() => relayed);
  await using again = await world.reopen();
  assert.equal(again.opened.store.totals().queued, 1);
  await again.advance(61_000);
  assert.equal(again.opened.store.totals().relayed, 1);
});

test("what waits for a route that left the configuration goes by the routes of the new one", async () => {
  const gone = new ScriptedRoute("gone", () => down);
  const before = await openQueueWorld({ routes: [gone] });
  await before.send({ to: ["a@contoso.example", "b@fabrikam.example"] });
  await before.queue.dispatcher.atRest();
  assert.equal(before.opened.store.totals().queued, 2);
  await before.queue.close(1000);
  await before.opened[Symbol.asyncDispose]();

  const fresh = new ScriptedRoute("fresh", () => relayed);
  await using after = await openQueueWorld({ routes: [fresh], directory: before.directory, clock: before.clock });
  await after.advance(3_600_000);
  assert.deepEqual([after.opened.store.totals().relayed, after.opened.store.totals().messages], [2, 0]);
});

test("new rules help what waits for a dead route, and what they delay comes again", async () => {
  const dead = new ScriptedRoute("dead", () => down);
  dead.healthy = false;
  const fresh = new ScriptedRoute("fresh", () => full);
  await using world = await openQueueWorld({ routes: [dead, fresh], rules: [{ name: "all", routes: ["dead"] }] });
  for (let i = 0; i < 10; i++) await world.send({ to: [`r${i}@fabrikam.example`] });
  await world.queue.dispatcher.atRest();
  const traits = new Map([dead, fresh].map((route) => [route.name, route.traits]));
  world.queue.reroute(new Router({ acceptedDomains: [], rules: [{ name: "all", routes: ["fresh"] }] }, traits));
  await world.queue.dispatcher.atRest();
  await world.advance(20_000);
  assert.equal(fresh.transactions.length, 10);
  fresh.answerWith(() => relayed);
  await world.advance(600_000);
  assert.equal(world.opened.store.totals().relayed, 10);
});

test("what a fallback cannot carry waits for the first choice, which is only out of service", async () => {
  const first = new ScriptedRoute("first", () => down);
  first.healthy = false;
  const fallback = new ScriptedRoute("fallback", () => tooLarge);
  await using world = await openQueueWorld({ routes: [first, fallback] });
  for (let i = 0; i < 5; i++) await world.send({ to: [`r${i}@fabrikam.example`] });
  await world.queue.dispatcher.atRest();
  assert.equal(world.opened.store.totals().queued, 5);
  first.healthy = true;
  first.answerWith(() => relayed);
  await world.advance(3_600_000);
  assert.equal(world.opened.store.totals().relayed, 5);
});

test("what no route can carry fails", async () => {
  const routes = ["one", "two"].map((name) => new ScriptedRoute(name, () => tooLarge));
  await using world = await openQueueWorld({ routes });
  await world.send({ to: ["a@fabrikam.example"], from: null });
  await world.queue.dispatcher.atRest();
  assert.equal(world.opened.store.totals().failed, 1);
});

test("a large backlog expires in one go", async () => {
  const dead = new ScriptedRoute("dead", () => down);
  dead.healthy = false;
  await using world = await openQueueWorld({ routes: [dead], options: { lifetimeMs: 3_600_000 } });
  for (let i = 0; i < 15; i++) await world.send({ to: Array.from({ length: 200 }, (_, n) => `r${n}@fabrikam.example`), from: null });
  await world.advance(3_600_000 + 7 * 60_000);
  assert.equal(world.opened.store.totals().expired, 3000);
});

test("a claim that fails for want of space is made again", async () => {
  const route = new ScriptedRoute("out", () => full);
  await using world = await openQueueWorld({ routes: [route] });
  await world.send({ to: ["a@fabrikam.example"] });
  await world.queue.dispatcher.atRest();
  route.answerWith(() => relayed);
  mock.method(world.opened.store, "claim", () => Promise.reject(new StoreFull("no space left")), { times: 1 });
  await world.advance(61_000);
  assert.ok(world.facts.some((fact) => fact.startsWith("fault claim")));
  assert.equal(world.opened.store.totals().relayed, 0);
  await world.advance(60_000);
  assert.equal(world.opened.store.totals().relayed, 1);
});

test("a delay is told once, after the time set for it", async () => {
  const route = new ScriptedRoute("out", (_, { address }) => (address === "full@fabrikam.example" ? full : relayed));
  await using world = await openQueueWorld({ routes: [route] });
  await world.send({ to: ["full@fabrikam.example"] });
  await world.advance(12 * 3_600_000);
  const told = route.transactions.filter(({ envelope }) => envelope.reversePath === null);
  assert.equal(told.length, 1);
});

test("a paused route keeps its mail, and resuming sends it", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  await using world = await openQueueWorld({ routes: [route] });
  world.queue.dispatcher.pause("out");
  await world.send({ to: ["a@fabrikam.example"] });
  await world.advance(3_600_000);
  assert.equal(route.transactions.length, 0);
  world.queue.dispatcher.resume("out");
  await world.queue.dispatcher.atRest();
  assert.equal(route.transactions.length, 1);
});
