import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { openQueueWorld, type QueueWorld } from "../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";
import { failure } from "../mail/failure-codes.ts";
import type { Outcome } from "../mail/outcome.ts";
import { type Decision, Router } from "../routing/decide.ts";
import type { RoutingRule } from "../routing/options.ts";

const full: Outcome = { action: "delayed", failure: failure("remote.mailbox-full") };

suite("what waits is routed anew", () => {
  const open = async (answers: () => Outcome) => {
    const routes = ["old", "new"].map((name) => new ScriptedRoute(name, answers));
    return openQueueWorld({ routes, rules: [{ name: "first", routes: ["old"] }] });
  };
  const useRules = ({ queue }: QueueWorld, ...rules: readonly RoutingRule[]) =>
    queue.reroute(
      new Router({ acceptedDomains: [], rules }, new Map([...queue.dispatcher.outlets].map(([name, { route }]) => [name, route.traits]))),
    );
  /** The rule and the routes by which each recipient's decision is told, by `trace` and `why`. */
  const told = async ({ opened: { archive } }: QueueWorld, id: number) => {
    const record = await archive.trace(id);
    const decisions = await Promise.all((record?.recipients ?? []).map(({ decision }) => archive.decision(decision) as Promise<Decision>));
    return decisions.map(({ rule, candidates }) => `${rule}: ${candidates.join()}`);
  };

  test("and the decision that took it is the one that is kept, waiting and finished", async () => {
    let answer: Outcome = full;
    await using world = await open(() => answer);
    const id = await world.send({ to: ["a@contoso.example", "b@fabrikam.example"] });
    await world.queue.dispatcher.atRest();
    assert.deepEqual(await told(world, id), ["first: old", "first: old"]);
    useRules(
      world,
      { name: "second", when: { recipientDomains: ["fabrikam.example"] }, routes: ["new"] },
      { name: "third", routes: ["old"] },
    );
    await world.advance(61_000);
    assert.deepEqual(await told(world, id), ["third: old", "second: new"]);
    answer = relayed;
    await world.advance(3_600_000);
    assert.equal(world.opened.store.totals().relayed, 2);
    assert.deepEqual(await told(world, id), ["third: old", "second: new"]);
  });

  test("and what no rule takes any more is held, and it is told why", async () => {
    await using world = await open(() => full);
    const id = await world.send({ to: ["a@contoso.example"] });
    await world.queue.dispatcher.atRest();
    useRules(world, { name: "others", when: { recipientDomains: ["elsewhere.example"] }, routes: ["new"] });
    await world.advance(61_000);
    assert.equal(world.opened.store.totals().held, 1);
    assert.deepEqual(await told(world, id), ["null: "]);
  });
});
