import assert from "node:assert/strict";
import { test } from "node:test";
import { openQueueWorld } from "../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";
import { until } from "../../test/support/until.ts";
import type { Outcome } from "../mail/outcome.ts";
import { LaneBook, type Lane } from "./lanes.ts";
import { openOutlet } from "./outlet.ts";
import { enter, nextTurn, turnEnded, turnTaken, type Turn } from "./turn.ts";

const isNews = (address: string): boolean => address.startsWith("news");

test("bulk mail has its turn though transactional mail takes every place that becomes free", async () => {
  const ends: (() => void)[] = [];
  const route = new ScriptedRoute("out", () => new Promise<Outcome>((resolve) => ends.push(() => resolve(relayed))), { concurrency: 4 });
  await using world = await openQueueWorld({ routes: [route] });
  for (let n = 0; n < 60; n++) await world.send({ to: [`reset${n}@fabrikam.example`] });
  for (let n = 0; n < 10; n++) await world.send({ to: [`news${n}@fabrikam.example`], priority: "bulk", principal: "news" });
  for (let ended = 0; ended < 40; ended++) {
    await until("all places are taken", () => route.running === 4 && ends.length > 0);
    ends.shift()?.();
    await until("it has ended", () => world.opened.store.totals().relayed > ended);
  }
  const news = route.transactions.filter(({ recipients }) => isNews(recipients[0]?.address ?? "")).length;
  while (world.opened.store.totals().relayed < 70) {
    ends.shift()?.();
    await new Promise(setImmediate);
  }
  assert.ok(news >= 3 && news <= 5, `${news} of 44`);
});

test("bulk mail to both classes takes turns, whomever transactional mail goes to", () => {
  const outlet = openOutlet(new ScriptedRoute("out", () => relayed), 0);
  const ready = ["contoso.example", "news.contoso.example", "fabrikam.example"].map((domain, n) =>
    new LaneBook(() => true).find(
      { principal: "app", priority: n === 0 ? "transactional" : "bulk" },
      { generation: "1", candidates: ["out"], recipientClass: domain.endsWith("contoso.example") ? "internal" : "external" },
      domain,
    ),
  );
  for (const lane of ready) enter(lane, outlet.turns[lane.turn]);
  const taken: number[] = [];
  for (let n = 0; n < 60; n++) {
    const turn = nextTurn(outlet) as Turn;
    taken.push(outlet.turns.indexOf(turn));
    turnTaken(outlet, turn);
    turnEnded(outlet, turn.ring.first() as Lane);
  }
  assert.deepEqual(
    taken.filter((turn) => turn >= 2),
    [2, 3, 2, 3, 2, 3],
  );
});

test("a newsletter whose attempts hang leaves a place to transactional mail", async () => {
  const opening = Promise.withResolvers<Outcome>();
  const route = new ScriptedRoute("out", (_, { address }) => (isNews(address) ? opening.promise : relayed), { concurrency: 4 });
  await using world = await openQueueWorld({ routes: [route] });
  for (let n = 0; n < 10; n++) await world.send({ to: [`news${n}@fabrikam.example`], priority: "bulk", principal: "news" });
  for (let n = 0; n < 100; n++) await world.send({ to: [`reset${n}@fabrikam.example`] });
  await until("the urgent have gone", () => world.opened.store.totals().relayed === 100);
  assert.equal(route.running, 3);
  opening.resolve(relayed);
  await until("all have gone", () => world.opened.store.totals().relayed === 110);
});
