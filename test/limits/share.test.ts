import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Priority } from "../../src/limits/limits.ts";
import { openLedger } from "../../src/limits/ledger.ts";
import type { LimitRule } from "../../src/limits/rule.ts";
import { dayMs, hourMs, minuteMs, requestOf, ruleOf, TestClock } from "../../src/limits/support.ts";

interface Load {
  readonly workers: number;
  readonly latencyMs: number;
  readonly recipients: number;
  /** Of the workers in turn. */
  readonly priorities: readonly Priority[];
  /** Measured; as much goes before. */
  readonly windows: number;
}

const load: Load = { workers: 10, latencyMs: 300, recipients: 1, priorities: ["transactional"], windows: 40 };

/** There is always enough to send: the share of what the first rule allows that is sent, over so many of its windows. */
async function shareUsed(rules: readonly LimitRule[], changes: Partial<Load> = {}): Promise<number> {
  const { workers, latencyMs, recipients, priorities, windows } = { ...load, ...changes };
  const [{ amount, windowMs, unit }] = rules as readonly [LimitRule];
  const clock = new TestClock();
  const startedAt = clock.uptime;
  const ledger = await openLedger({ rules, clock, journal: null });
  const addresses = Array.from({ length: recipients }, (_, number) => `user${number}@fabrikam.example`);
  let units = 0;
  const queue: { at: number; run: () => void }[] = [];
  const after = (ms: number, run: () => void): void => {
    const at = clock.uptime + ms;
    let i = queue.length;
    while (i > 0 && (queue[i - 1] as { at: number }).at > at) i--;
    queue.splice(i, 0, { at, run });
  };
  const work = (priority: Priority): void => {
    const now = clock.now();
    const admission = ledger.admit(requestOf({ now, recipients: addresses, priority }));
    if (!admission.ok) return after(admission.notBefore - now, () => work(priority));
    if (clock.uptime - startedAt >= windows * windowMs) units += unit === "recipients" ? recipients : 1;
    after(latencyMs, () => {
      ledger.settle(admission.reservation, { now: clock.now(), taken: recipients, refused: 0, asked: true });
      work(priority);
    });
  };
  for (let number = 0; number < workers; number++) work(priorities[number % priorities.length] as Priority);
  for (let next = queue.shift(); next !== undefined && next.at - startedAt < 2 * windows * windowMs; next = queue.shift()) {
    clock.uptime = next.at;
    next.run();
  }
  return units / (amount * windows);
}

const shares = { transactional: 0.01, bulk: 0.1 };

async function atLeast(t: TestContext, least: number, rules: readonly LimitRule[], changes: Partial<Load> = {}): Promise<void> {
  const share = await shareUsed(rules, changes);
  t.diagnostic(`${(100 * share).toFixed(2)} %`);
  assert.ok(share >= least && share <= 1, `${share}`);
}

const perMinute = ruleOf({ amount: 30, windowMs: minuteMs, unit: "messages", burst: 5, shares });
const perHour = ruleOf({ id: "test.hour", amount: 3600, windowMs: hourMs, burst: 360, shares });
const perDay = ruleOf({ id: "test.day", amount: 10_000, windowMs: dayMs, burst: 1000, shares });

test("30 a minute, paced, by ten workers", (t) => atLeast(t, 0.98, [perMinute]));
test("30 a minute, one after the other", (t) => atLeast(t, 0.98, [{ ...perMinute, burst: 1 }], { workers: 1 }));
test("30 a minute, a second each", (t) => atLeast(t, 0.95, [perMinute], { latencyMs: 1000 }));
test("30 a minute, not paced", (t) => atLeast(t, 0.98, [{ ...perMinute, burst: 30 }], { workers: 40 }));
test("30 a minute, of both priorities", (t) => atLeast(t, 0.95, [perMinute], { priorities: ["transactional", "bulk"] }));
// A unit counts up to five seconds and a slice longer than a window: the service may count it so late. Of an hour that is 0.16 %.
test("3,600 an hour", (t) => atLeast(t, 0.998, [perHour]));
test("100 an hour, as evenly as can be", (t) => atLeast(t, 0.998, [{ ...perHour, amount: 100, burst: 1 }]));
test("3,600 an hour of bulk mail, which leaves a hundredth", (t) => atLeast(t, 0.988, [perHour], { priorities: ["bulk"] }));
test("3,600 an hour, of both priorities", (t) => atLeast(t, 0.995, [perHour], { priorities: ["transactional", "bulk"] }));
test("10,000 a day", (t) => atLeast(t, 0.999, [perDay], { windows: 3 }));
test("10,000 a day to 40 recipients each", (t) => atLeast(t, 0.999, [perDay], { recipients: 40, windows: 3 }));
test("10,000 a day beside 30 a minute and 3,600 an hour", (t) => atLeast(t, 0.999, [perDay, perHour, perMinute], { windows: 2 }));
