import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { LruMap } from "./lru.ts";
import { TokenBucket } from "./rate.ts";

describe("token bucket", () => {
  test("never lets through more than the amount and the refill of the time that passed", () => {
    const steps = fc.array(fc.tuple(fc.nat(5_000), fc.nat(20)), { maxLength: 50 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 60_000 }), steps, (amount, perMs, moves) => {
        let now = 1_000_000;
        const bucket = new TokenBucket(amount, perMs, now);
        let taken = 0;
        for (const [passMs, tries] of moves) {
          now += passMs;
          for (let i = 0; i < tries; i++) if (bucket.take(now) === 0) taken++;
        }
        assert.ok(taken <= amount + ((now - 1_000_000) * amount) / perMs + 1e-6);
      }),
    );
  });

  test("the wait it tells is enough, and a millisecond less is not", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1000, max: 60_000 }), (amount, perMs) => {
        const bucket = new TokenBucket(amount, perMs, 0);
        for (let i = 0; i < amount; i++) assert.equal(bucket.take(0), 0);
        const waitMs = bucket.take(0);
        assert.ok(waitMs > 0);
        assert.ok(bucket.wait(waitMs - 1) > 0);
        // A rounding error of the refill may ask for one more.
        assert.ok(bucket.wait(waitMs) <= 1);
      }),
    );
  });
});

describe("bounded map", () => {
  test("forgets what was used longest ago", () => {
    const map = new LruMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    assert.equal(map.get("a"), 1);
    map.set("c", 3);
    assert.equal(map.get("b"), undefined);
    assert.deepEqual(
      [...map.entries()],
      [
        ["a", 1],
        ["c", 3],
      ],
    );
    assert.equal(map.peek("a"), 1);
    map.set("d", 4);
    assert.equal(map.peek("a"), undefined);
    assert.equal(map.size, 2);
  });
});
