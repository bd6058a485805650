import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Router, type CarryTraits, type RoutingFacts } from "./decide.ts";
import type { Pin } from "./pins.ts";

const anything: CarryTraits = { maxSize: null, takesNullReversePath: true, external: true, smtputf8: true };
const routes = new Map<string, CarryTraits>([
  ["tenant", anything],
  ["spare", anything],
  ["inside", { ...anything, external: false }],
]);
const facts: RoutingFacts = {
  principal: "scanner",
  reversePath: "scanner@contoso.example",
  recipientDomain: "fabrikam.example",
  recipient: "bob@fabrikam.example",
  size: 500,
  dsn: false,
  smtputf8: false,
};
const pin = (given: Partial<Pin>): Pin => ({ id: "p1", route: "spare", by: "command line", at: 0, ...given });
const router = (...pins: readonly Pin[]) =>
  new Router({ acceptedDomains: ["contoso.example"], rules: [{ name: "all", routes: ["tenant", "spare"] }] }, routes, pins);

suite("pins", () => {
  test("what a pin fits goes by its route first, the rule's routes follow", () => {
    const decision = router(pin({ principal: "scanner" })).decide(facts);
    assert.deepEqual(decision.candidates, ["spare", "tenant"]);
    assert.equal(decision.pin?.carried, true);
    assert.equal(decision.rule, "all");
  });

  test("all that a pin says must hold", () => {
    const one = router(pin({ principal: "scanner", from: "@contoso.example", to: "bob@fabrikam.example" }));
    assert.deepEqual(one.decide(facts).candidates, ["spare", "tenant"]);
    for (const other of [{ principal: "app" }, { reversePath: null }, { recipient: "eve@fabrikam.example" }]) {
      const decision = one.decide({ ...facts, ...other });
      assert.deepEqual(decision.candidates, ["tenant", "spare"]);
      assert.equal(decision.pin, undefined);
    }
  });

  test("a route that cannot carry the message does not get it by a pin", () => {
    const decision = router(pin({ route: "inside", to: "*" })).decide(facts);
    assert.deepEqual(decision.candidates, ["tenant", "spare"]);
    assert.equal(decision.pin?.carried, false);
    assert.deepEqual(decision.rejected, [{ route: "inside", reason: "external-recipient" }]);
  });

  test("the newest pin holds, and other pins are another configuration", () => {
    const two = router(pin({ to: "*" }), pin({ id: "p2", route: "tenant", to: "@fabrikam.example" }));
    assert.deepEqual(two.decide(facts).candidates, ["tenant", "spare"]);
    assert.equal(two.decide(facts).pin?.id, "p2");
    assert.notEqual(two.generation, router().generation);
    assert.equal(two.withPins([]).generation, router().generation);
    assert.deepEqual(two.withPins([]).decide(facts).candidates, ["tenant", "spare"]);
  });

  test("a pin sends where no rule matches", () => {
    const bare = new Router({ acceptedDomains: [], rules: [] }, routes, [pin({ to: "*" })]);
    assert.deepEqual(bare.decide(facts).candidates, ["spare"]);
    assert.equal(bare.decide(facts).rule, null);
  });

  test("a pin of one message holds for that one alone, and not for what only just comes in", () => {
    const one = router(pin({ message: 7 }));
    assert.deepEqual(one.decide({ ...facts, message: 7 }).candidates, ["spare", "tenant"]);
    assert.equal(one.decide({ ...facts, message: 7 }).pin?.message, 7);
    for (const other of [{ ...facts, message: 8 }, facts]) assert.deepEqual(one.decide(other).candidates, ["tenant", "spare"]);
  });

  test("recipients of one message are told apart, though all rules answer alike", () => {
    const one = router(pin({ to: "bob@fabrikam.example" }));
    assert.deepEqual(one.decide({ ...facts, recipient: "eve@fabrikam.example" }).candidates, ["tenant", "spare"]);
    assert.deepEqual(one.decide(facts).candidates, ["spare", "tenant"]);
  });
});
