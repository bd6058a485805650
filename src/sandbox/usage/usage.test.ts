import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { Pace } from "./pace.ts";
import { Usage } from "./usage.ts";

suite("usage", () => {
  test("a use counts until before its moment plus the window", () => {
    const window = new Usage().window("x", "messages", 1000, 3);
    window.add("a", 2, 5000);
    assert.equal(window.used("a", 5999), 2);
    assert.equal(window.used("a", 6000), 0);
    assert.equal(window.used("b", 5000), 0);
  });

  test("whatever is forgotten had left the window", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 5 })), { minLength: 1500, maxLength: 3000 }), (steps) => {
        const window = new Usage().window("x", "messages", 1000);
        const all: { at: number; units: number }[] = [];
        let now = 0;
        for (const [ms, units] of steps) {
          now += ms;
          window.add("a", units, now);
          all.push({ at: now, units });
        }
        const expected = all.filter(({ at }) => at > now - 1000).reduce((sum, { units }) => sum + units, 0);
        assert.equal(window.used("a", now), expected);
      }),
      { numRuns: 20 },
    );
  });

  test("what never leaves is a sum; who is refused all day costs a bounded memory and time", () => {
    const usage = new Usage();
    const credits = usage.window("x", "credits", Infinity);
    const refused = usage.window("x", "refused", 3_600_000, 100);
    for (let count = 0; count < 200_000; count++) {
      credits.add("a", 1, count);
      refused.add("a", 1, count);
    }
    assert.equal(credits.used("a", 200_000), 200_000);
    assert.ok(refused.used("a", 200_000) >= 100 && refused.used("a", 200_000) <= 40_000);
    assert.equal(usage.list(200_000)[0]?.window, null);
    usage.clear();
    assert.deepEqual(usage.list(200_000), []);
  });

  test("slots are given back once", () => {
    const usage = new Usage();
    const slots = usage.slots("x", "connections", 2);
    assert.deepEqual([slots.take("a"), slots.take("a"), slots.take("a"), slots.take("b")], [true, true, false, true]);
    slots.giveBack("a");
    assert.ok(slots.take("a"));
    usage.clear();
    assert.ok(!slots.take("a"), "who is there stays there");
  });

  test("a pace never lets more than so many go in any window, and delays no more than it must", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { maxLength: 300 }), (gaps) => {
        const pace = new Pace(30, 60_000);
        const given: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          given.push(pace.next("a", now));
        }
        for (let index = 30; index < given.length; index++) assert.ok((given[index] ?? 0) - (given[index - 30] ?? 0) >= 60_000);
        assert.ok(given.slice(0, 30).every((at, index) => at === gaps.slice(0, index + 1).reduce((sum, gap) => sum + gap, 0)));
      }),
    );
  });
});
