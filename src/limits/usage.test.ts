import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../mail/failure-codes.ts";
import { openLedger, type Ledger } from "./ledger.ts";
import type { LimitRule } from "./rule.ts";
import { dayMs, hourMs, minuteMs, refusalOf, relayed, requestOf, reservationOf, ruleOf, TestClock, TestJournal } from "./support.ts";

const day = ruleOf({ id: "day", amount: 1000, windowMs: dayMs, fullCodes: ["quota.tenant"] });
const each = ruleOf({ id: "each", amount: 10, windowMs: hourMs, scope: ["recipient"] });

async function open(rules: readonly LimitRule[], journal: TestJournal | null = null, clock = new TestClock()) {
  const freed: string[] = [];
  const ledger = await openLedger({ rules, clock, journal, onFreed: (routes) => freed.push(...routes) });
  return { ledger, clock, freed };
}

function send(ledger: Ledger, clock: TestClock, to: string, principal = "erp"): void {
  relayed(ledger, ledger.admit(requestOf({ now: clock.now(), recipients: [to], principal })), 1, clock.now());
}

/** The service says to one attempt that it has no more. */
function full(ledger: Ledger, clock: TestClock): void {
  const reservation = reservationOf(ledger.admit(requestOf({ now: clock.now() })));
  ledger.settle(reservation, {
    now: clock.now(),
    taken: 0,
    refused: 1,
    asked: true,
    full: { failure: failure("quota.tenant"), positions: [0] },
  });
}

test("every limit is told, of those for single recipients the fullest, and how many there are", async () => {
  const { ledger, clock } = await open([day, each]);
  for (let n = 0; n < 200; n++) for (let i = 0; i <= n % 7; i++) send(ledger, clock, `r${n}@fabrikam.example`);
  const [ofDay, ofEach] = ledger.limits(clock.now(), { most: 5 });
  assert.deepEqual(
    [ofDay?.inUse, ofDay?.counters.map(({ counted, used }) => [counted, used])],
    [1, [["mailbox app@contoso.example", 794]]],
  );
  assert.equal(ofEach?.inUse, 200);
  assert.deepEqual(
    ofEach?.counters.map(({ used }) => used),
    [7, 7, 7, 7, 7],
  );
  const [named, ...more] = ledger.limits(clock.now(), { rule: "each", counted: "R13@" });
  assert.deepEqual(
    named?.counters.map(({ counted, used }) => [counted, used]),
    [["mailbox app@contoso.example to r13@fabrikam.example", 7]],
  );
  assert.equal(more.length, 0);
  assert.deepEqual(ledger.limits(clock.now(), { route: "other" }), []);
  clock.uptime += 2 * hourMs;
  assert.deepEqual([ledger.limits(clock.now(), { rule: "each" })[0]?.inUse, ledger.limits(clock.now())[0]?.counters[0]?.used], [0, 794]);
});

test("when something comes back, when all does, when the next can go, who used it and who was told to wait", async () => {
  const { ledger, clock } = await open([ruleOf({ amount: 4, windowMs: hourMs, others: 0.25 })]);
  const first = clock.now();
  send(ledger, clock, "a@x.example", "crm");
  clock.uptime += 10 * minuteMs;
  for (const to of ["b@x.example", "c@x.example"]) send(ledger, clock, to);
  refusalOf(ledger.admit(requestOf({ now: clock.now() })));
  refusalOf(ledger.admit(requestOf({ now: clock.now() })));
  const [limit] = ledger.limits(clock.now());
  const usage = limit?.counters[0];
  assert.ok(usage);
  assert.deepEqual([limit?.waits, usage.used, limit?.others, usage.left], [2, 3, 1, { transactional: 0, bulk: 0 }]);
  // An hour, five seconds for a service that counts late, and a slice.
  const slack = 5000 + 879 + 1;
  const within = (at: number | null, from: number): boolean => at !== null && at >= from && at <= from + slack;
  assert.ok(within(usage.freesAt, first + hourMs), `${usage.freesAt}`);
  assert.equal(usage.nextAt.transactional, usage.freesAt);
  assert.ok(within(usage.emptyAt, first + hourMs + 10 * minuteMs), `${usage.emptyAt}`);
  assert.deepEqual(
    usage.principals.map(({ principal, share }) => [principal, Math.round(share * 3)]),
    [
      ["erp", 2],
      ["crm", 1],
    ],
  );
  clock.uptime += 2 * hourMs;
  const [later] = ledger.usage(clock.now());
  assert.deepEqual([later?.used, later?.freesAt, later?.emptyAt, later?.nextAt.bulk], [0, null, null, clock.now()]);
});

test("an operator's correction outlives a crash: what was learned is forgotten, those who waited may ask", async () => {
  const journal = new TestJournal();
  const { ledger, clock, freed } = await open([day], journal);
  full(ledger, clock);
  await ledger.written();
  const [learned] = ledger.usage(clock.now());
  assert.deepEqual([learned?.foreign, learned?.foreignSince], [1000, Math.floor(clock.now())]);
  assert.ok((learned?.pausedUntil ?? 0) > clock.now());
  {
    // A second run that does not end in order either, and corrects.
    const again = await open([day], journal, clock);
    assert.equal(again.ledger.usage(clock.now())[0]?.foreign, 1000);
    assert.equal(again.ledger.forget("day", "mailbox other@contoso.example"), 0);
    assert.equal(again.ledger.forget("day", "mailbox app@contoso.example"), 1);
    assert.equal(again.ledger.forget("day"), 0);
    assert.deepEqual(again.freed, ["main"]);
    await again.ledger.written();
    send(again.ledger, clock, "a@x.example");
  }
  assert.deepEqual(freed, []);
  const last = await open([day], journal, clock);
  const [corrected] = last.ledger.usage(clock.now());
  assert.deepEqual([corrected?.foreign, corrected?.foreignSince, corrected?.pausedUntil], [0, null, null]);
});

test("what is observed stands in place of what was believed before", async () => {
  const { ledger, clock, freed } = await open([day]);
  for (let i = 0; i < 100; i++) send(ledger, clock, "a@x.example");
  assert.ok(ledger.observe("day", 900));
  assert.equal(ledger.usage(clock.now())[0]?.foreign, 800);
  assert.ok(ledger.observe("day", 300, "mailbox app@contoso.example"));
  assert.deepEqual([ledger.usage(clock.now())[0]?.foreign, freed], [200, ["main", "main"]]);
  assert.equal(ledger.observe("day", 300, "tenant"), false);
});

test("a sample tells the most of its time, of wide limits only", async () => {
  const { ledger, clock } = await open([ruleOf({ id: "minute", amount: 30, windowMs: minuteMs }), each]);
  for (let i = 0; i < 20; i++) send(ledger, clock, `r${i}@x.example`);
  clock.uptime += 5 * minuteMs;
  send(ledger, clock, "r@x.example");
  clock.uptime += 5 * minuteMs;
  const counted = "mailbox app@contoso.example";
  assert.deepEqual(ledger.samples(), [{ rule: "minute", counted, used: 20, foreign: 0 }]);
  assert.deepEqual(ledger.samples(), [{ rule: "minute", counted, used: 0, foreign: 0 }]);
});
