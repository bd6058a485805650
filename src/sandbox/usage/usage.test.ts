import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../lib/seeded-random.ts";
import { Pace } from "./pace.ts";
import { Usage } from "./usage.ts";
import { UsageWindow } from "./usage-window.ts";

const about = (ms: number, limit: number | null = null) => ({ service: "x", what: "messages", ms, limit: () => limit });

suite("usage", () => {
  test("a use counts until before its moment plus the window", () => {
    const window = new UsageWindow(about(1000, 3));
    window.add("a", 2, 5000);
    assert.equal(window.used("a", 5999), 2);
    assert.equal(window.used("a", 6000), 0);
    assert.equal(window.used("b", 5000), 0);
  });

  test("whatever is forgotten had left the window", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 5 })), { minLength: 1500, maxLength: 3000 }), (steps) => {
        const window = new UsageWindow(about(1000));
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

  test("uses that come out of order: what fits leaves no window above the limit, what does not would", () => {
    const limit = 20;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(120), fc.nat(500), fc.integer({ min: 1, max: 4 })), { minLength: 50, maxLength: 200 }),
        (steps) => {
          const window = new UsageWindow(about(1000, limit));
          const taken: { at: number; units: number }[] = [];
          /** The fullest window, which ends with a use. */
          const fullest = (uses: typeof taken): number =>
            Math.max(
              0,
              ...uses.map(({ at: end }) => uses.reduce((sum, { at, units }) => sum + (at > end - 1000 && at <= end ? units : 0), 0)),
            );
          let now = 0;
          for (const [ms, late, units] of steps) {
            now += ms;
            const use = { at: now + late, units };
            const fits = window.fits("a", units, use.at);
            assert.equal(fits, fullest([...taken, use]) <= limit);
            if (!fits) continue;
            window.add("a", units, use.at);
            taken.push(use);
          }
        },
      ),
    );
  });

  test("what never leaves is a sum; who is refused all day costs a bounded memory and time", () => {
    const usage = new Usage();
    const credits = usage.window({ service: "x", what: "credits", ms: Infinity });
    const refused = usage.window({ service: "x", what: "refused", ms: 3_600_000, limit: () => 100 });
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

  test("of more accounts than are kept, those used longest ago go", () => {
    const window = new UsageWindow({ ...about(1000), maxAccounts: 2 });
    for (const account of ["a", "b", "a", "c"]) window.add(account, 1, 0);
    assert.deepEqual(
      window.lines(0).map(({ account, used }) => [account, used]),
      [
        ["a", 2],
        ["c", 1],
      ],
    );
  });

  test("another sender takes what there is room for", () => {
    const window = new UsageWindow(about(1000, 10));
    window.add("a", 3, 0);
    assert.equal(window.takeForeign("a", 5, 100), 5);
    assert.equal(window.takeForeign("a", 5, 200), 2);
    assert.ok(!window.fits("a", 1, 999));
    assert.ok(window.fits("a", 3, 1000));
    assert.deepEqual(
      window.lines(300).map(({ used, foreign, limit }) => [used, foreign, limit]),
      [[10, 7, 10]],
    );
  });

  test("another sender takes evenly, from when to when, and waits where it is full", () => {
    const hour = 3_600_000;
    const window = new UsageWindow(about(hour, 100));
    window.takeForeignEvenly("a", 60, hour, 2 * hour);
    assert.equal(window.used("a", hour - 1), 0);
    assert.equal(window.used("a", hour + hour / 2), 31, "one at once, then one a minute");
    assert.equal(window.used("a", 2 * hour - 1), 60);
    assert.equal(window.used("a", 9 * hour), 0, "it has ended");

    const crowded = new UsageWindow(about(hour, 10));
    crowded.takeForeignEvenly("a", 3600, 0, 3 * hour);
    assert.equal(crowded.used("a", 5000), 6);
    assert.equal(crowded.used("a", hour / 2), 10, "the ten of the first ten seconds");
    assert.equal(crowded.used("a", hour + 4500), 10, "five have left, five have come");
    assert.ok(!crowded.fits("a", 1, hour + 4500));
    const began = performance.now();
    const greedy = new UsageWindow(about(24 * hour, 10_000));
    greedy.takeForeignEvenly("a", 100_000, 0, 10_000 * hour);
    assert.equal(greedy.used("a", 9000 * hour), 10_000);
    assert.ok(performance.now() - began < 5000, "a year in one look");
  });

  test("a message is counted so much later, the same in each run of a seed", () => {
    const moments = (seed: number) => {
      const usage = new Usage(5000, seededRandom(seed));
      return Array.from({ length: 50 }, (_, n) => usage.momentOf(n) - n);
    };
    assert.deepEqual(moments(1), moments(1));
    assert.notDeepEqual(moments(1), moments(2));
    assert.ok(moments(1).every((late) => late >= 0 && late < 5000) && moments(1).some((late) => late > 4000));
    assert.equal(new Usage().momentOf(7), 7);
  });

  test("slots are given back once", () => {
    const usage = new Usage();
    const slots = usage.slots("x", "connections", () => 2);
    assert.deepEqual([slots.take("a", 0), slots.take("a", 0), slots.take("a", 0), slots.take("b", 0)], [true, true, false, true]);
    slots.giveBack("a");
    assert.ok(slots.take("a", 0));
    usage.clear();
    assert.ok(!slots.take("a", 0), "who is there stays there");
  });

  test("a pace never lets more than so many go in any window, and delays no more than it must", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { maxLength: 300 }), (gaps) => {
        const pace = new Pace(() => 30, 60_000);
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
