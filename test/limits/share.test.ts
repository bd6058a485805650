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
async function shareUsed(
  rules: readonly LimitRule[],
  changes: Partial<Load> = {},
): Promise<{ readonly share: number; readonly asked: number }> {
  const { workers, latencyMs, recipients, priorities, windows } = { ...load, ...changes };
  const [{ amount, windowMs, unit }] = rules as readonly [LimitRule];
  const clock = new TestClock();
  const startedAt = clock.uptime;
  const ledger = await openLedger({ rules, clock, journal: null });
  const addresses = Array.from({ length: recipients }, (_, number) => `user${number}@fabrikam.example`);
  let units = 0;
  let asked = 0;
  let sent = 0;
  const queue: { at: number; run: () => void }[] = [];
  const after = (ms: number, run: () => void): void => {
    const at = clock.uptime + ms;
    let i = queue.length;
    while (i > 0 && (queue[i - 1] as { at: number }).at > at) i--;
    queue.splice(i, 0, { at, run });
  };
  const work = (priority: Priority, again = false): void => {
    const now = clock.now();
    const admission = ledger.admit(requestOf({ now, recipients: addresses, priority, again }));
    asked++;
    if (!admission.ok) return after(admission.notBefore - now, () => work(priority, true));
    sent++;
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
  return { share: units / (amount * windows), asked: asked / sent };
}

const shares = { transactional: 0.01, bulk: 0.1 };

async function atLeast(t: TestContext, least: number, rules: readonly LimitRule[], changes: Partial<Load> = {}): Promise<void> {
  const { share, asked } = await shareUsed(rules, changes);
  t.diagnostic(`${(100 * share).toFixed(2)} %, asked ${asked.toFixed(2)} times for each that went`);
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

const each = { workers: 300, latencyMs: 3000, windows: 12 };
for (const [how, burst] of [
  ["at once", 60],
  ["as evenly as can be", 1],
] as const) {
  test(`60 an hour for each principal, ${how}, which each of many messages asks for by itself`, (t) =>
    atLeast(t, 0.98, [ruleOf({ amount: 60, windowMs: hourMs, burst, scope: ["principal"] })], each));
  test(`60 an hour for each pair, ${how}, of both priorities`, (t) =>
    atLeast(t, 0.98, [ruleOf({ amount: 60, windowMs: hourMs, burst, scope: ["sender-recipient"], shares })], {
      ...each,
      priorities: ["transactional", "bulk"],
    }));
}
test("1,200 an hour paced from one sender to one mailbox", (t) =>
  atLeast(t, 0.98, [ruleOf({ amount: 1200, windowMs: hourMs, burst: 20, scope: ["sender-recipient"] })], {
    ...each,
    workers: 5000,
    windows: 4,
  }));
test("1,200 an hour from one sender to one mailbox", (t) =>
  atLeast(t, 0.98, [ruleOf({ amount: 1200, windowMs: hourMs, scope: ["sender-recipient"] })], { ...each, workers: 5000, windows: 4 }));
test("60 an hour and 300 a day for each principal", (t) =>
  atLeast(
    t,
    0.98,
    [
      ruleOf({ amount: 300, windowMs: dayMs, scope: ["principal"] }),
      ruleOf({ id: "hour", amount: 60, windowMs: hourMs, scope: ["principal"] }),
    ],
    { ...each, windows: 4, workers: 1000 },
  ));
