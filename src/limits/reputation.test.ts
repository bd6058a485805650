import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Reputation, type ReputationEvent } from "./reputation.ts";

const today = 20_000;

test("rates and first use of each From domain by each route", () => {
  const reputation = new Reputation();
  for (let n = 0; n < 196; n++) reputation.count("contoso.example", "acs", today - 10, "relayed");
  for (let n = 0; n < 4; n++) reputation.count("contoso.example", "acs", today, "failed");
  reputation.count("contoso.example", "acs", today, "returned");
  reputation.count("contoso.example", "acs", today - 3, "returned");
  reputation.count("contoso.example", "acs", today, "complaint");
  reputation.count("fabrikam.example", "acs", today, "relayed");
  reputation.count("contoso.example", "direct", today, "relayed");
  const [most, ...others] = reputation.figures(today);
  assert.deepEqual(most, {
    domain: "contoso.example",
    route: "acs",
    firstUse: today - 10,
    relayed: 196,
    failed: 4,
    returned: 2,
    complaints: 1,
    failureRate: 0.03,
    complaintRate: 1 / 196,
  });
  assert.deepEqual(
    others.map(({ domain, route, relayed }) => [domain, route, relayed]),
    [
      ["fabrikam.example", "acs", 1],
      ["contoso.example", "direct", 1],
    ],
  );
  const [week] = reputation.figures(today, 7);
  assert.deepEqual([week?.relayed, week?.failed, week?.complaintRate], [0, 4, 0]);
});

test("after 90 days it is forgotten, the first use as well", () => {
  const reputation = new Reputation();
  reputation.count("contoso.example", "acs", today, "relayed");
  assert.equal(reputation.figures(today + 89).length, 1);
  assert.equal(reputation.figures(today + 90).length, 0);
  assert.deepEqual(reputation.dump(today + 90).pairs, []);
  reputation.count("contoso.example", "acs", today + 90, "relayed");
  assert.equal(reputation.figures(today + 90)[0]?.firstUse, today + 90);
});

test("a clock that goes back some days still counts; what is 90 days back does not, and spoils no other day", () => {
  const reputation = new Reputation();
  reputation.count("contoso.example", "acs", today, "relayed");
  reputation.count("contoso.example", "acs", today - 3, "relayed");
  reputation.count("contoso.example", "acs", today - 90, "relayed");
  const [figures] = reputation.figures(today);
  assert.deepEqual([figures?.relayed, figures?.firstUse], [2, today - 3]);
  assert.equal(reputation.figures(today, 1)[0]?.relayed, 1);
});

test("a bulk sender stays one", () => {
  const reputation = new Reputation();
  assert.equal(reputation.bulkSince("receivers.gmail-bulk", "contoso.example"), null);
  reputation.becameBulk("receivers.gmail-bulk", "contoso.example", today);
  reputation.becameBulk("receivers.gmail-bulk", "contoso.example", today + 5);
  const kept = new Reputation(reputation.dump(today + 1000));
  assert.equal(kept.bulkSince("receivers.gmail-bulk", "contoso.example"), today);
});

test("memory is bounded: domains beyond are counted together", () => {
  const reputation = new Reputation();
  for (let n = 0; n < 5000; n++) reputation.count(`d${n}.example`, "direct", today, "relayed");
  const figures = reputation.figures(today);
  assert.equal(figures.length, 2001);
  assert.deepEqual([figures[0]?.domain, figures[0]?.relayed], ["*", 3000]);
});

test("as a list of all events would say, also after being written down and read again", () => {
  const events = fc.array(
    fc.record({
      day: fc.integer({ min: today - 120, max: today }),
      domain: fc.constantFrom("a.example", "b.example"),
      what: fc.constantFrom<ReputationEvent>("relayed", "failed", "returned", "complaint"),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 90 }), (list, days) => {
      let reputation = new Reputation();
      // The clock goes forward, but for small steps back.
      const inOrder = list.toSorted((one, other) => one.day - other.day);
      for (const { day, domain, what } of inOrder) {
        reputation.count(domain, "r", day, what);
        if (day % 7 === 0) reputation = new Reputation(structuredClone(reputation.dump(day)));
      }
      for (const domain of ["a.example", "b.example"]) {
        const mine = list.filter((event) => event.domain === domain && event.day > today - days);
        const count = (what: ReputationEvent) => mine.filter((event) => event.what === what).length;
        const found = reputation.figures(today, days).find((each) => each.domain === domain);
        assert.deepEqual(
          [found?.relayed ?? 0, found?.failed ?? 0, found?.returned ?? 0, found?.complaints ?? 0],
          [count("relayed"), count("failed"), count("returned"), count("complaint")],
        );
      }
    }),
  );
});
