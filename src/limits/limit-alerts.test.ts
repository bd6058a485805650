import assert from "node:assert/strict";
import { test } from "node:test";
import { openLedger } from "./ledger.ts";
import { LimitAlerts, type LimitAlert } from "./limit-alerts.ts";
import type { LimitRule } from "./rule.ts";
import { hourMs, minuteMs, relayed, requestOf, ruleOf, TestClock } from "./support.ts";

/** What is told while so much is sent, one after another. */
async function told(rules: readonly LimitRule[], steps: readonly { readonly count: number; readonly thenMs: number }[]) {
  const clock = new TestClock();
  const list: LimitAlert[] = [];
  const alerts = new LimitAlerts({ now: () => clock.now(), tell: (alert) => list.push(alert) });
  const ledger = await openLedger({ rules, clock, journal: null, onThreshold: (crossing) => alerts.crossed(crossing) });
  let sent = 0;
  for (const { count, thenMs } of steps) {
    for (let i = 0; i < count; i++) {
      const admission = ledger.admit(requestOf({ now: clock.now(), recipients: [`r${sent++ % 40}@fabrikam.example`] }));
      relayed(ledger, admission, 1, clock.now());
    }
    clock.uptime += thenMs;
  }
  assert.deepEqual(alerts.list(), list.toReversed().slice(0, 50));
  return list.flatMap((alert) => (alert.kind === "near-limit" ? [[alert.rule, alert.share, alert.used, alert.more]] : []));
}

test("80, 95 and 100 % of a long window are told once, and again when it had been below", async () => {
  const steps = [
    { count: 79, thenMs: minuteMs },
    { count: 5, thenMs: minuteMs },
    { count: 11, thenMs: minuteMs },
    { count: 5, thenMs: 2 * hourMs },
    // Somebody must ask for the ledger to see that it is over.
    { count: 1, thenMs: minuteMs },
    { count: 80, thenMs: 0 },
  ];
  assert.deepEqual(await told([ruleOf({ id: "hour", amount: 100, windowMs: hourMs })], steps), [
    ["hour", 0.8, 80, 0],
    ["hour", 0.95, 95, 0],
    ["hour", 1, 100, 0],
    ["hour", 0.8, 80, 0],
  ]);
});

test("a minute that is full again and again is told once an hour; so many at a time, and what holds no mail, never", async () => {
  const rules = [
    ruleOf({ id: "minute", amount: 30, windowMs: minuteMs }),
    ruleOf({ id: "at-a-time", amount: 1, windowMs: 0, unit: "messages" }),
    ruleOf({ id: "threshold", amount: 30, windowMs: hourMs, holds: false }),
  ];
  const busy = Array.from({ length: 90 }, () => ({ count: 30, thenMs: minuteMs + 1000 }));
  const list = await told(rules, busy);
  assert.deepEqual(
    list.map(([rule, share]) => [rule, share]),
    [
      ["minute", 0.8],
      ["minute", 0.95],
      ["minute", 1],
      ["minute", 0.8],
      ["minute", 0.95],
      ["minute", 1],
    ],
  );
});

test("of many recipients that come near to a limit of their own, one is told and the others are counted", async () => {
  const rule = ruleOf({ id: "each", amount: 10, windowMs: hourMs, scope: ["recipient"] });
  const list = await told(
    [rule],
    [
      { count: 400, thenMs: 11 * minuteMs },
      { count: 0, thenMs: 2 * hourMs },
      { count: 320, thenMs: 0 },
    ],
  );
  assert.deepEqual(list, [
    ["each", 0.8, 8, 0],
    // Forty recipients at 80 and, of ten there is none at 95, at 100 %; but for the one that was told.
    ["each", 0.8, 8, 79],
  ]);
});
