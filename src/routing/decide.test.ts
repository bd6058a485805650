import assert from "node:assert/strict";
import { test } from "node:test";
import { Router, type CarryTraits, type RoutingFacts } from "./decide.ts";
import type { RoutingOptions } from "./options.ts";

const anything: CarryTraits = { maxSize: null, takesNullReversePath: true, external: true, smtputf8: true };
const routes = new Map<string, CarryTraits>([
  ["tenant", anything],
  ["internal-only", { ...anything, external: false }],
  ["small", { ...anything, maxSize: 1000 }],
  ["no-null", { ...anything, takesNullReversePath: false }],
]);
const facts: RoutingFacts = {
  principal: "app",
  reversePath: "app@contoso.example",
  recipientDomain: "contoso.example",
  size: 500,
  dsn: false,
  smtputf8: false,
};

function router(rules: RoutingOptions["rules"], acceptedDomains: readonly string[] = ["Contoso.example", "*.corp.example"]): Router {
  return new Router({ acceptedDomains, rules }, routes);
}

test("recipients in an accepted domain are internal, a wildcard means sub-domains only", () => {
  const { classOf } = { classOf: (domain: string) => router([]).classOf(domain) };
  assert.equal(classOf("contoso.example"), "internal");
  assert.equal(classOf("sub.contoso.example"), "external");
  assert.equal(classOf("hr.corp.example"), "internal");
  assert.equal(classOf("corp.example"), "external");
  assert.equal(classOf("evilcontoso.example"), "external");
});

test("the first rule whose conditions all hold decides, and the ones above say which condition failed", () => {
  const decision = router([
    { name: "big", when: { class: "internal", sizeOver: 1000 }, routes: ["small"] },
    { name: "other app", when: { principals: ["scanner"] }, routes: ["small"] },
    { name: "internal", when: { class: "internal", reversePaths: ["@contoso.example"] }, routes: ["tenant"] },
    { name: "rest", routes: ["small"] },
  ]).decide(facts);
  assert.equal(decision.rule, "internal");
  assert.deepEqual(decision.candidates, ["tenant"]);
  assert.deepEqual(decision.passedOver, [
    { rule: "big", condition: "sizeOver" },
    { rule: "other app", condition: "principals" },
  ]);
});

test("routes that cannot carry the message are set aside with the reason, the others keep their order", () => {
  const rules = [{ name: "all", routes: ["small", "no-null", "internal-only", "tenant", "gone"] }];
  const decision = router(rules).decide({ ...facts, size: 5000, reversePath: null, recipientDomain: "fabrikam.example" });
  assert.deepEqual(decision.candidates, ["tenant"]);
  assert.deepEqual(decision.rejected, [
    { route: "small", reason: "too-large" },
    { route: "no-null", reason: "null-reverse-path" },
    { route: "internal-only", reason: "external-recipient" },
    { route: "gone", reason: "unknown-route" },
  ]);
});

test("without a matching rule there is no candidate and no rule", () => {
  const decision = router([{ name: "dsn", when: { class: "dsn" }, routes: ["tenant"] }]).decide(facts);
  assert.equal(decision.rule, null);
  assert.deepEqual(decision.candidates, []);
});

test("a DSN matches rules for DSNs and, failing those, the rules of its recipient's class", () => {
  const rules = [
    { name: "dsn", when: { class: "dsn" as const, reversePaths: ["<>"] }, routes: ["tenant"] },
    { name: "internal", when: { class: "internal" as const }, routes: ["small"] },
  ];
  assert.equal(router(rules).decide({ ...facts, dsn: true, reversePath: null }).rule, "dsn");
  assert.equal(router(rules.slice(1)).decide({ ...facts, dsn: true, reversePath: null }).rule, "internal");
});

test("equal answers of all rules give the very same decision, different ones different keys", () => {
  const one = router([{ name: "all", routes: ["small", "tenant"] }]);
  const first = one.decide(facts);
  assert.equal(one.decide({ ...facts, principal: "other", size: 900 }), first);
  const large = one.decide({ ...facts, size: 2000 });
  assert.notEqual(large.key, first.key);
  assert.deepEqual(large.candidates, ["tenant"]);
  const again = router([{ name: "all", routes: ["small", "tenant"] }]).decide(facts);
  assert.equal(again.key, first.key, "the key is stable over restarts");
  assert.notEqual(router([{ name: "all", routes: ["tenant"] }]).decide(facts).key, first.key);
});

test("size conditions meet at their bound: over excludes it, under includes it", () => {
  const rules = [
    { name: "over", when: { sizeOver: 500 }, routes: ["tenant"] },
    { name: "under", when: { sizeUnder: 500 }, routes: ["tenant"] },
  ];
  assert.equal(router(rules).decide({ ...facts, size: 500 }).rule, "under");
  assert.equal(router(rules).decide({ ...facts, size: 501 }).rule, "over");
});

test("routes that would show another sender than the first are for failures only, and the sender of each message counts", () => {
  const anyone: CarryTraits = { ...anything, senderRule: "account", rewritesSender: true };
  const routes = new Map<string, CarryTraits>([
    ["hve-1", { ...anyone, account: "one@contoso.example" }],
    ["hve-2", { ...anyone, account: "two@contoso.example" }],
    ["relay", anything],
    ["connector", anything],
  ]);
  const decide = (names: readonly string[], from: string, overflow?: boolean) =>
    new Router(
      { acceptedDomains: ["contoso.example"], rules: [{ name: "all", routes: names, ...(overflow === undefined ? {} : { overflow }) }] },
      routes,
    ).decide({ ...facts, reversePath: from, authors: [from] });
  assert.deepEqual(decide(["hve-1", "hve-2", "relay"], "app@contoso.example").fallbacks, ["hve-2", "relay"]);
  assert.deepEqual(decide(["relay", "hve-1", "connector"], "app@contoso.example").fallbacks, ["hve-1"]);
  assert.deepEqual(decide(["hve-1", "hve-2", "relay"], "ONE@contoso.example").fallbacks, ["hve-2"], "its own address is not rewritten");
  assert.equal(decide(["relay", "connector"], "app@contoso.example").fallbacks, undefined);
  assert.deepEqual(decide(["relay", "connector"], "app@contoso.example", false).fallbacks, ["connector"]);
  const one = new Router({ acceptedDomains: [], rules: [{ name: "all", routes: ["hve-1", "relay"] }] }, routes);
  const answers = ["app@contoso.example", "one@contoso.example", "app@contoso.example"].map((from) =>
    one.decide({ ...facts, reversePath: from, authors: [from] }),
  );
  assert.equal(answers[0], answers[2]);
  assert.deepEqual(
    answers.map(({ fallbacks }) => fallbacks),
    [["relay"], undefined, ["relay"]],
    "one decision is not told for another's sender",
  );
});

test("a pinned route is left for failures only", () => {
  const pinned = new Router({ acceptedDomains: [], rules: [{ name: "all", routes: ["tenant", "no-null"] }] }, routes, [
    { id: "p1", route: "small", by: "admin", at: 0 },
  ]);
  assert.deepEqual(pinned.decide(facts).fallbacks, ["tenant", "no-null"]);
});
