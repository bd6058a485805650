import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Router, type CarryTraits, type RoutingFacts } from "./decide.ts";
import type { RoutingOptions } from "./options.ts";

const anything: CarryTraits = { maxSize: null, takesNullReversePath: true, external: true, smtputf8: true };
// MS HVE (field): MAIL FROM and From must be the account, 5.7.62 and 5.6.241; SMTP AUTH: SendAs; Direct Send looks at MAIL FROM only.
const hve: CarryTraits = { ...anything, external: false, senderRule: "account", account: "hve@contoso.example", maxRecipients: 50 };
const mailbox: CarryTraits = { ...anything, senderRule: "send-as", account: "app@contoso.example", senders: ["scanner@contoso.example"] };
const routes = new Map<string, CarryTraits>([
  ["hve", hve],
  ["hve-rewriting", { ...hve, rewritesSender: true }],
  ["mailbox", mailbox],
  ["direct", { ...anything, external: false, senderRule: "accepted-domain" }],
  ["outside-only", { ...anything, internal: false }],
  ["free", { ...anything, price: null }],
  ["metered", { ...anything, price: { perRecipientUsd: 0.00025, perMegabyteUsd: 0.00012 } }],
  ["flat", { ...anything, price: { perRecipientUsd: 0.0004, perMegabyteUsd: 0 } }],
  ["unpriced", anything],
]);
const facts: RoutingFacts = {
  principal: "scanner",
  reversePath: "scanner@contoso.example",
  authors: ["scanner@contoso.example"],
  recipientDomain: "contoso.example",
  size: 500,
  dsn: false,
  smtputf8: false,
};

function router(names: readonly string[], order?: "listed" | "cheapest" | "truest"): Router {
  const rules: RoutingOptions["rules"] = [{ name: "all", routes: names, ...(order === undefined ? {} : { order }) }];
  return new Router({ acceptedDomains: ["contoso.example"], rules }, routes);
}

suite("sender rules", () => {
  test("a route that insists on its account sets any other sender aside, and says which it takes", () => {
    const one = router(["hve", "mailbox"]);
    assert.deepEqual(one.decide(facts).candidates, ["mailbox"]);
    assert.deepEqual(one.decide(facts).rejected, [{ route: "hve", reason: "sender-not-allowed", senders: ["hve@contoso.example"] }]);
    const own = { ...facts, reversePath: "HVE@contoso.example", authors: ["hve@contoso.example"] };
    assert.deepEqual(one.decide(own).candidates, ["hve"]);
    // The envelope alone is not enough: the service reads From as well.
    assert.deepEqual(
      one.decide({ ...own, authors: ["scanner@contoso.example"] }).rejected.map(({ route }) => route),
      ["hve", "mailbox"],
    );
  });

  test("a mailbox sends as itself and as whom it may send as", () => {
    const one = router(["mailbox"]);
    for (const address of ["app@contoso.example", "scanner@contoso.example"])
      assert.deepEqual(one.decide({ ...facts, reversePath: address, authors: [address] }).candidates, ["mailbox"]);
    const other = one.decide({ ...facts, authors: ["scanner@contoso.example", "director@contoso.example"] });
    assert.deepEqual(other.rejected, [
      { route: "mailbox", reason: "sender-not-allowed", senders: ["app@contoso.example", "scanner@contoso.example"] },
    ]);
  });

  test("a route that rewrites the sender carries everybody's mail", () => {
    assert.deepEqual(router(["hve-rewriting"]).decide(facts).candidates, ["hve-rewriting"]);
  });

  test("where only the envelope counts, From is free", () => {
    const one = router(["direct"]);
    assert.deepEqual(one.decide({ ...facts, authors: ["someone@fabrikam.example"] }).candidates, ["direct"]);
    assert.equal(one.decide({ ...facts, reversePath: "someone@fabrikam.example" }).rejected[0]?.reason, "sender-not-allowed");
  });

  test("a route for the outside world alone is set aside for internal recipients", () => {
    assert.equal(router(["outside-only"]).decide(facts).rejected[0]?.reason, "internal-recipient");
    assert.deepEqual(router(["outside-only"]).decide({ ...facts, recipientDomain: "fabrikam.example" }).candidates, ["outside-only"]);
  });
});

suite("order", () => {
  test("cheapest counts the size, takes the licence as free, and leaves unknown prices to the end", () => {
    const one = router(["unpriced", "metered", "flat", "free"], "cheapest");
    assert.deepEqual(one.decide({ ...facts, size: 1000 }).candidates, ["free", "metered", "flat", "unpriced"]);
    // 0.00025 + 2 * 0.00012 is more than 0.0004.
    assert.deepEqual(one.decide({ ...facts, size: 2_000_000 }).candidates, ["free", "flat", "metered", "unpriced"]);
    assert.notEqual(one.decide({ ...facts, size: 1000 }).key, one.decide({ ...facts, size: 2_000_000 }).key);
  });

  test("truest prefers the route that changes nothing, and equal ones keep the listed order", () => {
    assert.deepEqual(router(["hve-rewriting", "mailbox", "free"], "truest").decide(facts).candidates, ["mailbox", "free", "hve-rewriting"]);
    assert.deepEqual(router(["free", "mailbox"], "truest").decide(facts).candidates, ["free", "mailbox"]);
    assert.deepEqual(router(["hve-rewriting", "free"]).decide(facts).candidates, ["hve-rewriting", "free"]);
  });
});

test("accepted domains as Exchange writes them match their sub-domains only when told to", () => {
  const one = new Router(
    { acceptedDomains: [{ name: "Contoso.example", matchSubDomains: true }, { name: "corp.example" }], rules: [] },
    routes,
  );
  assert.equal(one.classOf("contoso.example"), "internal");
  assert.equal(one.classOf("hr.contoso.example"), "internal");
  assert.equal(one.classOf("evilcontoso.example"), "external");
  assert.equal(one.classOf("corp.example"), "internal");
  assert.equal(one.classOf("hr.corp.example"), "external");
});

test("interned decisions are those that a fresh router would make, whatever came before", () => {
  // A small deterministic generator: the same cases each run.
  let seed = 7;
  const pick = <T>(values: readonly T[]): T => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return values[(seed >> 8) % values.length] as T;
  };
  const addresses = ["scanner@contoso.example", "hve@contoso.example", "app@contoso.example", "x@fabrikam.example"];
  const rules: RoutingOptions["rules"] = [
    { name: "large", when: { sizeOver: 1_000_000 }, routes: ["flat", "metered", "hve"], order: "cheapest" },
    { name: "app", when: { principals: ["app"] }, routes: ["mailbox", "hve-rewriting", "free"], order: "truest" },
    { name: "inside", when: { class: "internal" }, routes: ["hve", "direct", "mailbox", "metered"] },
    { name: "rest", routes: ["mailbox", "metered", "flat", "free", "unpriced"], order: "cheapest" },
  ];
  const fresh = () => new Router({ acceptedDomains: ["contoso.example"], rules }, routes);
  const kept = fresh();
  for (let n = 0; n < 3000; n++) {
    const reversePath = pick([null, ...addresses]);
    const some: RoutingFacts = {
      principal: pick(["app", "scanner"]),
      reversePath,
      authors: pick([[], [pick(addresses)], [pick(addresses), pick(addresses)]]),
      recipientDomain: pick(["contoso.example", "fabrikam.example"]),
      size: pick([10, 900_000, 1_300_000, 3_000_000]),
      dsn: reversePath === null,
      smtputf8: pick([true, false]),
    };
    assert.deepEqual(kept.decide(some), fresh().decide(some));
  }
});
