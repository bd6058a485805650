import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../mail/failure-codes.ts";
import { openLedger, Ledger } from "./ledger.ts";
import type { Admission } from "./limits.ts";
import { hourMs, minuteMs, refusalOf, relayed, requestOf, reservationOf, ruleOf, TestClock } from "./support.ts";

const rules = [
  ruleOf({ id: "hour", amount: 40, windowMs: hourMs, shares: { transactional: 0.05, bulk: 0.1 } }),
  ruleOf({ id: "pace", amount: 10, windowMs: minuteMs, burst: 2 }),
  ruleOf({ id: "sender", amount: 30, windowMs: hourMs, scope: ["principal"], fullCodes: ["quota.mailbox"] }),
  ruleOf({ id: "receiver", amount: 5, windowMs: hourMs, scope: ["recipient"] }),
];

/** What became of one ask after another, each settled at once. */
function play(ledger: Ledger, clock: TestClock, recipient: string): readonly (number | "ok")[] {
  const answers: (number | "ok")[] = [];
  for (let i = 0; i < 120; i++) {
    const priority = i % 3 === 0 ? "transactional" : "bulk";
    const admission: Admission = ledger.admit(
      requestOf({ now: clock.now(), priority, recipients: [i % 4 === 0 ? recipient : `user${i}@x.example`] }),
    );
    if (admission.ok) relayed(ledger, admission, 1, clock.now());
    answers.push(admission.ok ? "ok" : admission.notBefore - clock.now());
    clock.uptime += 37_000;
  }
  return answers;
}

test("an account that goes on from a snapshot answers as the one that it was taken of", async () => {
  const clock = new TestClock();
  const ledger = await openLedger({ rules, clock, journal: null });
  for (let i = 0; i < 9; i++) {
    const admission = ledger.admit(
      requestOf({ now: clock.now(), priority: "bulk", recipients: [`${i % 2 === 0 ? "bob" : "eve"}@x.example`] }),
    );
    if (admission.ok) relayed(ledger, admission, 1, clock.now());
    clock.uptime += 61_000;
  }
  // It was said to be full, so that others' use and a pause are on the account.
  const full = { failure: failure("quota.mailbox"), positions: [0] };
  const probe = reservationOf(ledger.admit(requestOf({ now: clock.now() })));
  ledger.settle(probe, { now: clock.now(), taken: 0, refused: 1, asked: true, notTaken: [0], full });

  const snapshot = structuredClone(ledger.snapshot(new Set(["bob@x.example"])));
  assert.deepEqual(
    snapshot.counters.filter(({ rule }) => rule === "receiver").map(({ recipient }) => recipient),
    ["bob@x.example"],
  );
  const elsewhere = new TestClock();
  elsewhere.uptime = 77;
  elsewhere.wall = clock.now() - 77;
  const copy = Ledger.resume(snapshot, elsewhere);
  const answers = play(ledger, clock, "bob@x.example");
  assert.deepEqual(play(copy, elsewhere, "bob@x.example"), answers);
  assert.ok(answers.some((answer) => answer !== "ok") && answers.filter((answer) => answer === "ok").length > 20);
});

test("what is under way when the snapshot is taken counts as sent", async () => {
  const clock = new TestClock();
  const ledger = await openLedger({ rules: [ruleOf({ amount: 2, windowMs: hourMs })], clock, journal: null });
  reservationOf(ledger.admit(requestOf({ now: clock.now() })));
  const copy = Ledger.resume(ledger.snapshot(new Set()), clock);
  assert.equal(copy.usage(clock.now())[0]?.used, 1);
  assert.equal(copy.usage(clock.now())[0]?.held, 0);
});

test("the pace goes on from a snapshot", async () => {
  const clock = new TestClock();
  const ledger = await openLedger({ rules: [ruleOf({ amount: 10, windowMs: minuteMs, burst: 1 })], clock, journal: null });
  relayed(ledger, ledger.admit(requestOf({ now: clock.now() })), 1, clock.now());
  const copy = Ledger.resume(ledger.snapshot(new Set()), clock);
  const refusal = refusalOf(copy.admit(requestOf({ now: clock.now() })));
  assert.equal(refusal.notBefore - clock.now(), 6000);
});

test("transactions alike at once count as so many, and those without a name are nobody's", async () => {
  const clock = new TestClock();
  const counted = (["messages", "recipients", "external-recipients", "bytes"] as const).map((unit) =>
    ruleOf({ id: unit, unit, amount: 1_000_000, windowMs: hourMs }),
  );
  const each = ruleOf({ id: "receiver", amount: 1, windowMs: hourMs, scope: ["recipient"] });
  const ledger = await openLedger({ rules: [...counted, each], clock, journal: null });
  const recipients = Array.from({ length: 6 }, () => "@fabrikam.example");
  relayed(ledger, ledger.admit(requestOf({ now: clock.now(), recipients, external: 6, size: 100, transactions: 3 })), 6, clock.now());
  assert.deepEqual(
    ledger.usage(clock.now()).map(({ rule, used }) => [rule.id, used]),
    [
      ["messages", 3],
      ["recipients", 6],
      ["external-recipients", 6],
      ["bytes", 300],
    ],
  );
});
