import assert from "node:assert/strict";
import { test } from "node:test";
import { openLimitedWorld } from "../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";
import { until } from "../../test/support/until.ts";
import { dayMs, hourMs, minuteMs, ruleOf } from "../limits/support.ts";
import { failure } from "../mail/failure-codes.ts";
import type { Outcome } from "../mail/outcome.ts";

const countedAt = (...names: readonly string[]) => names.map((name) => ({ name, counted: `mailbox ${name}@contoso.example` }));
const addressesOf = ({ transactions }: ScriptedRoute) => transactions.flatMap(({ recipients }) => recipients.map(({ address }) => address));

test("what a limit leaves no room for stands still in order, and goes when there is room", async () => {
  const route = new ScriptedRoute("out", () => relayed, { concurrency: 1 });
  await using world = await openLimitedWorld({
    routes: [route],
    limits: [ruleOf({ amount: 3, windowMs: minuteMs, routes: countedAt("out") })],
  });
  const wanted = Array.from({ length: 10 }, (_, n) => `r${n}@fabrikam.example`);
  for (const to of wanted) await world.send({ to: [to] });
  await world.queue.dispatcher.atRest();
  assert.equal(route.transactions.length, 3, "at rest although mail waits in memory");
  await world.advance(45_000);
  assert.equal(route.transactions.length, 3);
  await world.advance(20_000);
  assert.equal(route.transactions.length, 6);
  await world.advance(2 * minuteMs);
  assert.deepEqual(addressesOf(route), wanted);
  const story = await world.opened.archive.trace(
    (await world.opened.archive.find({ recipient: "r9@fabrikam.example", limit: 1 }))[0]?.id ?? 0,
  );
  assert.deepEqual(
    story?.recipients.map(({ attempts }) => attempts),
    [1],
    "a no is not an attempt",
  );
});

test("mail that has to wait for long leaves memory, is told of once, and keeps its order", async () => {
  const route = new ScriptedRoute("out", () => relayed, { concurrency: 1 });
  await using world = await openLimitedWorld({
    routes: [route],
    limits: [ruleOf({ id: "long", amount: 5, windowMs: 10 * minuteMs, routes: countedAt("out") })],
  });
  const wanted = Array.from({ length: 40 }, (_, n) => `r${n}@fabrikam.example`);
  for (const to of wanted) await world.send({ to: [to] });
  await world.queue.dispatcher.atRest();
  const { queued, leased } = world.opened.store.totals();
  assert.deepEqual([queued, leased], [35, 0]);
  assert.deepEqual(
    world.facts.filter((fact) => fact.startsWith("limit")),
    ["limit out transactional all long"],
  );
  await world.advance(71 * minuteMs);
  assert.deepEqual(addressesOf(route), wanted);
});

test("a limit of external recipients does not hold internal ones", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  const rule = ruleOf({ amount: 2, windowMs: hourMs, unit: "external-recipients", routes: countedAt("out") });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule] });
  for (let n = 0; n < 5; n++) await world.send({ to: [`out${n}@fabrikam.example`, `in${n}@contoso.example`] });
  await world.queue.dispatcher.atRest();
  assert.deepEqual(addressesOf(route).filter((address) => address.startsWith("in")).length, 5);
  assert.deepEqual(addressesOf(route).filter((address) => address.startsWith("out")).length, 2);
});

test("only the recipients that are over their limit wait, and the trace says so once", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  const rule = ruleOf({ id: "pair", amount: 2, windowMs: hourMs, scope: ["sender-recipient"], routes: countedAt("out") });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule] });
  let id = 0;
  for (let n = 0; n < 5; n++) id = await world.send({ to: ["busy@fabrikam.example", `r${n}@fabrikam.example`] });
  await world.queue.dispatcher.atRest();
  assert.equal(addressesOf(route).filter((address) => address.startsWith("busy")).length, 2);
  assert.equal(addressesOf(route).filter((address) => address.startsWith("r")).length, 5);
  await world.advance(2 * hourMs + minuteMs);
  assert.equal(addressesOf(route).filter((address) => address.startsWith("busy")).length, 5);
  const story = await world.opened.archive.trace(id);
  assert.deepEqual(
    story?.events.map(({ what, recipients }) => [what, recipients]),
    [["limited", [0]]],
  );
  assert.deepEqual(
    story?.recipients.map(({ state, attempts }) => [state, attempts]),
    [
      ["relayed", 1],
      ["relayed", 1],
    ],
  );
});

test("a route at its limit does not keep mail of another from its way, whatever waits behind it", async () => {
  const slow = new ScriptedRoute("slow", () => relayed);
  const fast = new ScriptedRoute("fast", () => relayed);
  const rules = [
    { name: "internal", when: { class: "internal" as const }, routes: ["slow"] },
    { name: "rest", routes: ["fast"] },
  ];
  await using world = await openLimitedWorld({
    routes: [slow, fast],
    rules,
    limits: [ruleOf({ amount: 10, windowMs: minuteMs, burst: 1, routes: countedAt("slow") })],
  });
  for (let n = 0; n < 1500; n += 50) await world.send({ to: [`x${n}@contoso.example`], principal: `app${n % 7}` });
  for (let n = 0; n < 1500; n++) await world.send({ to: [`x${n}@contoso.example`] });
  for (let n = 0; n < 500; n++) await world.send({ to: [`y${n}@fabrikam.example`] });
  await until("the others have gone", () => fast.transactions.length === 500);
  assert.ok(slow.transactions.length < 5);
  assert.ok(world.opened.store.totals().leased <= 500, `${world.opened.store.totals().leased} in memory`);
});

test("transactional mail goes before bulk that waited longer, and bulk has its share of the limit", async () => {
  const route = new ScriptedRoute("out", () => relayed, { concurrency: 1 });
  const rule = ruleOf({ amount: 20, windowMs: minuteMs, burst: 1, shares: { transactional: 0.05, bulk: 0.1 }, routes: countedAt("out") });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule] });
  for (let n = 0; n < 100; n++) await world.send({ to: [`news${n}@fabrikam.example`], priority: "bulk", principal: "news" });
  await world.advance(minuteMs);
  for (let n = 0; n < 200; n++) await world.send({ to: [`reset${n}@fabrikam.example`] });
  const before = route.transactions.length;
  await world.advance(5 * minuteMs);
  const sent = addressesOf(route).slice(before);
  const bulk = sent.filter((address) => address.startsWith("news")).length;
  assert.ok(sent.length >= 95 && sent.length <= 101, `${sent.length}`);
  assert.ok(bulk >= 0.08 * sent.length && bulk <= 0.2 * sent.length, `${bulk} of ${sent.length}`);
  assert.ok(
    sent.slice(0, 2).some((address) => address.startsWith("reset")),
    "urgent mail does not wait for the newsletter",
  );
});

test("principals behind one gate take turns, whatever each has waiting", async () => {
  const route = new ScriptedRoute("out", () => relayed, { concurrency: 1 });
  await using world = await openLimitedWorld({
    routes: [route],
    limits: [ruleOf({ amount: 30, windowMs: minuteMs, burst: 1, routes: countedAt("out") })],
  });
  for (let n = 0; n < 300; n++) await world.send({ to: [`a${n}@d${n % 100}.example`], principal: "flood" });
  for (let n = 0; n < 20; n++) await world.send({ to: [`b${n}@fabrikam.example`], principal: "small" });
  await world.advance(2 * minuteMs);
  const sent = addressesOf(route);
  const small = sent.filter((address) => address.startsWith("b")).length;
  assert.ok(small >= 19, `${small} of ${sent.length} were of the small one`);
});

test("mail goes by the next route that has room, and the choice is stored with its numbers", async () => {
  const one = new ScriptedRoute("one", () => relayed);
  const two = new ScriptedRoute("two", () => relayed);
  const limits = [ruleOf({ id: "hour", amount: 4, windowMs: hourMs, routes: countedAt("one", "two") })];
  await using world = await openLimitedWorld({ routes: [one, two], limits });
  const ids: number[] = [];
  for (let n = 0; n < 10; n++) ids.push(await world.send({ to: [`r${n}@fabrikam.example`] }));
  await world.queue.dispatcher.atRest();
  assert.deepEqual([one.transactions.length, two.transactions.length], [4, 4]);
  const stories = await Promise.all(ids.map((id) => world.opened.archive.trace(id)));
  const attempts = stories.flatMap((story) => story?.attempts ?? []);
  assert.deepEqual(
    attempts.filter(({ route }) => route === "one").map(({ atLimit }) => atLimit),
    Array(4).fill(undefined),
  );
  for (const { atLimit } of attempts.filter(({ route }) => route === "two")) {
    assert.deepEqual(
      atLimit?.map(({ route, limit: { id, counted, amount, used } }) => [route, id, counted, amount, used]),
      [["one", "hour", "mailbox one@contoso.example", 4, 4]],
    );
    assert.ok((atLimit?.[0]?.until ?? 0) > world.clock.now() + hourMs - minuteMs);
  }
  await world.advance(hourMs + minuteMs);
  assert.equal(one.transactions.length + two.transactions.length, 10);
});

test("without overflow, and by a route that shows another sender, mail waits for its route", async () => {
  const one = new ScriptedRoute("one", () => relayed);
  const two = new ScriptedRoute("two", () => relayed);
  const limits = [ruleOf({ amount: 1, windowMs: hourMs, routes: countedAt("one") })];
  await using world = await openLimitedWorld({
    routes: [one, two],
    rules: [{ name: "all", routes: ["one", "two"], overflow: false }],
    limits,
  });
  for (let n = 0; n < 3; n++) await world.send({ to: [`r${n}@fabrikam.example`] });
  await world.queue.dispatcher.atRest();
  assert.deepEqual([one.transactions.length, two.transactions.length], [1, 0]);
  // A failure leads there all the same.
  world.queue.dispatcher.pause("one");
  await world.queue.dispatcher.atRest();
  assert.equal(two.transactions.length, 2);
});

test("a service that says it is full closes the gate, not the circuit, and is believed as to the time", async () => {
  const full: Outcome = { action: "delayed", failure: failure("quota.mailbox") };
  let isFull = true;
  const route = new ScriptedRoute("out", () => (isFull ? full : relayed), { concurrency: 1 });
  const rule = ruleOf({ amount: 100, windowMs: dayMs, fullCodes: ["quota.mailbox"], routes: countedAt("out") });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule] });
  for (let n = 0; n < 5; n++) await world.send({ to: [`r${n}@fabrikam.example`] });
  await world.queue.dispatcher.atRest();
  assert.equal(route.transactions.length, 1, "the others are not even tried");
  assert.equal(world.queue.dispatcher.outlets.get("out")?.circuit.state, "closed");
  assert.equal(world.queue.dispatcher.outlets.get("out")?.turns[1].gate.isClosed, true);
  isFull = false;
  // What others use of the day is forgotten bit by bit: one unit each 14.4 minutes here.
  await world.advance(80 * minuteMs);
  assert.equal(world.opened.store.totals().relayed, 5);
});

test("without a limit that knows the reply, a used-up quota opens the circuit as before", async () => {
  const full: Outcome = { action: "delayed", failure: failure("quota.mailbox") };
  const route = new ScriptedRoute("out", () => full);
  const rule = ruleOf({ amount: 100, windowMs: minuteMs, routes: countedAt("out") });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule] });
  await world.send({ to: ["r@fabrikam.example"] });
  await world.queue.dispatcher.atRest();
  assert.equal(world.queue.dispatcher.outlets.get("out")?.circuit.state, "open");
});

test("refused and failed connections give back what was reserved, and who waited for it asks at once", async () => {
  const lost: Outcome = { action: "delayed", failure: failure("network.connection-lost") };
  const gate = Promise.withResolvers<Outcome>();
  const route = new ScriptedRoute("out", (_, { address }) => (address.startsWith("first") ? gate.promise : relayed));
  await using world = await openLimitedWorld({
    routes: [route],
    limits: [ruleOf({ amount: 1, windowMs: dayMs, routes: countedAt("out") })],
  });
  await world.send({ to: ["first@fabrikam.example"] });
  await until("the first is under way", () => route.running === 1);
  await world.send({ to: ["second@fabrikam.example"] });
  gate.resolve(lost);
  await until("the second has gone", () => world.facts.includes("relayed second@fabrikam.example by out"));
});

test("a transaction is no larger than the smallest limit", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  await using world = await openLimitedWorld({
    routes: [route],
    limits: [ruleOf({ amount: 4, windowMs: minuteMs, routes: countedAt("out") })],
  });
  await world.send({ to: Array.from({ length: 10 }, (_, n) => `r${n}@fabrikam.example`) });
  await world.advance(3 * minuteMs);
  assert.equal(addressesOf(route).length, 10);
  assert.ok(route.transactions.every(({ recipients }) => recipients.length <= 4));
});

test("what is not accounted for durably is not sent", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  await using world = await openLimitedWorld({
    routes: [route],
    limits: [ruleOf({ amount: 4, windowMs: minuteMs, routes: countedAt("out") })],
  });
  const { ledger } = world;
  const admit = ledger.admit.bind(ledger);
  const ready = Promise.withResolvers<void>();
  ledger.admit = (request) => {
    const admission = admit(request);
    return admission.ok ? { ...admission, ready: ready.promise } : admission;
  };
  await world.send({ to: ["a@fabrikam.example"] });
  await until("it is asked for", () => ledger.usage(world.clock.now()).some(({ used }) => used > 0));
  assert.equal(route.transactions.length, 0);
  ready.reject(new Error("disk full"));
  await world.queue.dispatcher.atRest();
  assert.equal(route.transactions.length, 0);
  assert.equal(world.opened.store.totals().queued, 1);
  assert.deepEqual(
    ledger.usage(world.clock.now()).map(({ used }) => used),
    [0],
  );
});

test("what is in memory when a limit becomes smaller is made smaller, and keeps nobody behind it", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  const rule = (amount: number) => ruleOf({ amount, windowMs: 50_000, routes: countedAt("out") });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule(10)] });
  const many = (name: string) => Array.from({ length: 10 }, (_, n) => `${name}${n}@fabrikam.example`);
  await world.send({ to: many("first") });
  await world.send({ to: many("second") });
  await world.send({ to: ["third@fabrikam.example"] });
  await world.queue.dispatcher.atRest();
  assert.equal(route.transactions.length, 1);
  await world.ledger.setRules([rule(5)]);
  world.queue.dispatcher.freed(["out"]);
  await world.advance(5 * minuteMs);
  assert.equal(addressesOf(route).length, 21);
  assert.ok(route.transactions.slice(1).every(({ recipients }) => recipients.length <= 5));
});

test("a limit that counts messages does not make more of one that waits for it", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  const rule = ruleOf({ unit: "messages", amount: 10, windowMs: minuteMs, burst: 1, routes: countedAt("out") });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule] });
  const many = Array.from({ length: 30 }, (_, n) => `r${n}@fabrikam.example`);
  for (let n = 0; n < 20; n++) await world.send({ to: many });
  await world.advance(3 * minuteMs);
  assert.equal(addressesOf(route).length, 20 * 30);
  assert.equal(route.transactions.length, 20);
});

test("a gate that opens for one message after every long wait costs few claims in vain", async () => {
  const route = new ScriptedRoute("out", () => relayed);
  const rule = ruleOf({ amount: 36, windowMs: hourMs, burst: 1, routes: countedAt("out") });
  await using world = await openLimitedWorld({ routes: [route], limits: [rule] });
  const sent = Array.from({ length: 300 }, (_, n) => world.send({ to: [`x@d${n % 97}.example`], principal: `app${n % 5}` }));
  await Promise.all(sent);
  await world.queue.dispatcher.atRest();
  const { store } = world.opened;
  const claim = store.claim.bind(store);
  let claimed = 0;
  store.claim = async (...given) => {
    const claims = await claim(...given);
    claimed += claims.messages.length;
    return claims;
  };
  await world.advance(hourMs);
  assert.ok(route.transactions.length >= 35, `${route.transactions.length} have gone`);
  assert.ok(claimed < 25 * route.transactions.length, `${claimed} claimed for ${route.transactions.length}`);
});
