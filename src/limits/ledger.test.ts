import assert from "node:assert/strict";
import { test } from "node:test";
import { openLedger, type Ledger } from "./ledger.ts";
import type { LimitRule } from "./rule.ts";
import { failure } from "../mail/failure-codes.ts";
import type { AdmissionRequest } from "./limits.ts";
import { dayMs, hourMs, minuteMs, refusalOf, relayed, requestOf, reservationOf, ruleOf, TestClock, TestJournal } from "./support.ts";

async function open(
  rules: readonly LimitRule[],
): Promise<{ ledger: Ledger; clock: TestClock; ask: (changes?: Partial<AdmissionRequest>) => ReturnType<Ledger["admit"]> }> {
  const clock = new TestClock();
  const ledger = await openLedger({ rules, clock, journal: null });
  return { ledger, clock, ask: (changes = {}) => ledger.admit(requestOf({ now: clock.now(), ...changes })) };
}

test("a full window refuses until the first units have been settled for one window", async () => {
  const { ledger, clock, ask } = await open([ruleOf({ amount: 3, windowMs: hourMs })]);
  for (let i = 0; i < 3; i++) {
    const admission = ask();
    clock.uptime += 1000;
    relayed(ledger, admission, 1, clock.now());
  }
  const refusal = refusalOf(ask());
  assert.equal(refusal.breadth, "route");
  assert.deepEqual(
    { ...refusal.limit },
    { id: "test.limit", counted: "mailbox app@contoso.example", amount: 3, used: 3, windowMs: hourMs },
  );
  // The first was settled 2 s ago, and may have been counted 5 s later; a slice of an hour is 879 ms.
  const wait = refusal.notBefore - clock.now();
  assert.ok(wait > hourMs + 3000 && wait <= hourMs + 3000 + 879, `${wait}`);
  clock.uptime += wait - 1;
  refusalOf(ask());
  clock.uptime += 1;
  const admission = ask();
  assert.equal(admission.ok, true);
  refusalOf(ask());
});

test("what the service did not take is given back, unless it counts refusals", async () => {
  const kept = ruleOf({ id: "counts", amount: 10, windowMs: hourMs, countsRefused: true });
  const { ledger, clock, ask } = await open([ruleOf({ amount: 10, windowMs: hourMs }), kept]);
  const recipients = ["a@x.example", "b@x.example", "c@x.example"];
  const first = reservationOf(ask({ recipients }));
  ledger.settle(first, { now: clock.now(), taken: 1, refused: 1, asked: true, notTaken: [1, 2] });
  const second = reservationOf(ask({ recipients }));
  ledger.settle(second, { now: clock.now(), taken: 0, refused: 0, asked: false });
  assert.deepEqual(
    ledger.usage(clock.now()).map(({ rule, used }) => [rule.id, used]),
    [
      ["test.limit", 1],
      ["counts", 2],
    ],
  );
});

test("so many at a time: a settlement frees at once and tells who asked", async () => {
  const clock = new TestClock();
  const freed: (readonly string[])[] = [];
  const rule = ruleOf({ amount: 2, windowMs: 0, unit: "messages" });
  const ledger = await openLedger({ rules: [rule], clock, journal: null, onFreed: (routes) => freed.push(routes) });
  const first = ledger.admit(requestOf({ now: clock.now() }));
  reservationOf(ledger.admit(requestOf({ now: clock.now() })));
  assert.ok(refusalOf(ledger.admit(requestOf({ now: clock.now() }))).notBefore <= clock.now() + 1000);
  relayed(ledger, first, 1, clock.now());
  assert.deepEqual(freed, [["main"]]);
  reservationOf(ledger.admit(requestOf({ now: clock.now() })));
});

test("each recipient has an account of his own, and only those over it wait", async () => {
  const { ledger, clock, ask } = await open([ruleOf({ amount: 2, windowMs: hourMs, unit: "messages", scope: ["sender-recipient"] })]);
  for (let i = 0; i < 2; i++) relayed(ledger, ask({ recipients: ["bob@x.example"] }), 1, clock.now());
  const refusal = refusalOf(ask({ recipients: ["ann@x.example", "bob@x.example"] }));
  assert.deepEqual([refusal.breadth, refusal.positions], ["recipients", [1]]);
  assert.equal(refusal.limit.counted, "mailbox app@contoso.example from app@contoso.example to bob@x.example");
  // Nothing was taken for Ann, and another sender to Bob has an account of his own.
  for (let i = 0; i < 2; i++) relayed(ledger, ask({ recipients: ["ann@x.example"] }), 1, clock.now());
  reservationOf(ask({ recipients: ["bob@x.example"], sender: "other@contoso.example" }));
});

test("a hundred that are refused for one sender are told a hundred times, a refill apart", async () => {
  const { ledger, clock, ask } = await open([ruleOf({ amount: 10, windowMs: hourMs, authors: ["*@*.onmicrosoft.example"] })]);
  const sender = "app@contoso.onmicrosoft.example";
  for (let i = 0; i < 10; i++) {
    relayed(ledger, ask({ sender }), 1, clock.now());
    clock.uptime += minuteMs;
  }
  reservationOf(ask());
  const times = Array.from({ length: 30 }, () => refusalOf(ask({ sender })).notBefore - clock.now());
  assert.ok(
    times.every((time, i) => i === 0 || time > (times[i - 1] as number)),
    times.join(),
  );
  // Ten for each hour.
  assert.ok((times[9] as number) < hourMs && (times[10] as number) >= hourMs && (times[29] as number) < 4 * hourMs, times.join());
});

test("a reply that says full shows what others use; it fades, and one attempt at a time finds out", async () => {
  const rule = ruleOf({ amount: 1000, windowMs: dayMs, fullCodes: ["quota.tenant"] });
  const { ledger, clock, ask } = await open([rule]);
  for (let i = 0; i < 400; i++) relayed(ledger, ask(), 1, clock.now());
  const full = (): void => {
    const reservation = reservationOf(ask());
    ledger.settle(reservation, {
      now: clock.now(),
      taken: 0,
      refused: 1,
      asked: true,
      full: { failure: failure("quota.tenant"), positions: [0] },
    });
  };
  full();
  assert.equal(ledger.usage(clock.now())[0]?.foreign, 600);
  // A two-hundredth of the window.
  assert.equal(refusalOf(ask()).notBefore - clock.now(), dayMs / 200);
  clock.uptime += dayMs / 200;
  const probe = ask();
  refusalOf(ask());
  relayed(ledger, probe, 1, clock.now());
  // 600 fade by 3 in a two-hundredth; one has gone.
  relayed(ledger, ask(), 1, clock.now());
  clock.uptime += dayMs / 200;
  full();
  clock.uptime += dayMs / 200;
  full();
  assert.equal(refusalOf(ask()).notBefore - clock.now(), (2 * dayMs) / 200);
});

test("bulk mail leaves a little to transactional mail, and gets its share while it waits", async () => {
  const { ledger, clock, ask } = await open([ruleOf({ amount: 100, windowMs: hourMs, shares: { transactional: 0.01, bulk: 0.1 } })]);
  const send = (priority: "bulk" | "transactional"): boolean => {
    const admission = ask({ priority });
    if (admission.ok) relayed(ledger, admission, 1, clock.now());
    return admission.ok;
  };
  for (let i = 0; i < 99; i++) assert.ok(send("bulk"));
  assert.equal(send("bulk"), false);
  assert.ok(send("transactional"));
  // All is used. For ten hours, in which a window is filled nine times, both want more than there is, transactional mail first.
  const sent = { bulk: 0, transactional: 0 };
  for (let i = 0; i < 36_000; i++) {
    clock.uptime += 1000;
    while (send("transactional")) sent.transactional++;
    while (send("bulk")) sent.bulk++;
  }
  assert.ok(sent.bulk >= 81 && sent.bulk <= 99, JSON.stringify(sent));
  assert.equal(sent.bulk + sent.transactional, 900);
});

test("where mail is paced, bulk mail gets its turn from the beginning, not when the window is full", async () => {
  const rule = ruleOf({ amount: 100, windowMs: hourMs, burst: 1, shares: { transactional: 0.01, bulk: 0.1 } });
  const { ledger, clock, ask } = await open([rule]);
  const sent = { bulk: 0, transactional: 0 };
  const next = { bulk: 0, transactional: 0 };
  const end = clock.uptime + hourMs;
  while (clock.uptime < end) {
    for (const priority of ["transactional", "bulk"] as const) {
      while (clock.uptime >= next[priority]) {
        const admission = ask({ priority });
        if (admission.ok) {
          relayed(ledger, admission, 1, clock.now());
          sent[priority]++;
        } else next[priority] = admission.notBefore - clock.wall;
      }
    }
    clock.uptime = Math.max(clock.uptime + 1, Math.min(next.transactional, next.bulk));
  }
  assert.ok(sent.bulk >= 9 && sent.bulk <= 12, JSON.stringify(sent));
  assert.ok(sent.bulk + sent.transactional >= 98, JSON.stringify(sent));
});

test("a step of the wall clock frees nothing", async () => {
  const { ledger, clock, ask } = await open([ruleOf({ amount: 1, windowMs: hourMs })]);
  relayed(ledger, ask(), 1, clock.now());
  clock.wall += 2 * hourMs;
  const refusal = refusalOf(ask());
  assert.ok(refusal.notBefore - clock.now() > hourMs - 1000);
  clock.uptime += hourMs + 6000;
  reservationOf(ask());
});

test("a limit that counts all but notifications stands for all of its routes", async () => {
  const rule = ruleOf({ amount: 2, windowMs: dayMs, unit: "external-recipients", reversePaths: ["*@*"] });
  const { ledger, clock, ask } = await open([rule]);
  for (let i = 0; i < 2; i++) relayed(ledger, ask(), 1, clock.now());
  const first = refusalOf(ask());
  assert.equal(first.breadth, "external");
  assert.equal(refusalOf(ask()).notBefore, first.notBefore, "who waits for all is not told a time behind the others'");
  assert.equal(ask({ reversePath: "", sender: "" }).ok, true, "a notification is not counted");
});

test("where each asks for itself, what others used fades for each in turn", async () => {
  const rule = ruleOf({ amount: 100, windowMs: dayMs, reversePaths: ["@contoso.example"], fullCodes: ["quota.tenant"] });
  const { ledger, clock, ask } = await open([rule]);
  const reservation = reservationOf(ask());
  const full = { failure: failure("quota.tenant", { text: "550 5.7.233" }), positions: [0] };
  ledger.settle(reservation, { now: clock.now(), taken: 0, refused: 1, asked: true, notTaken: [0], full });
  const times = Array.from({ length: 50 }, () => refusalOf(ask()).notBefore - clock.now());
  const perUnit = dayMs / 99;
  assert.ok(
    times.every((time, index) => index === 0 || time > (times[index - 1] as number)),
    String(times),
  );
  assert.ok(Math.abs((times[49] as number) - 50 * perUnit) < 2 * perUnit, `${times[49]} ms for the fiftieth`);
});

test("other amounts and another window find what was used", async () => {
  const { ledger, clock, ask } = await open([ruleOf({ amount: 3, windowMs: hourMs, scope: ["principal"] })]);
  relayed(ledger, ask(), 1, clock.now());
  const underWay = reservationOf(ask());
  await ledger.setRules([ruleOf({ amount: 2, windowMs: hourMs, scope: ["principal"] })]);
  refusalOf(ask());
  await ledger.setRules([ruleOf({ amount: 3, windowMs: dayMs, scope: ["principal"] })]);
  relayed(ledger, ask(), 1, clock.now());
  ledger.settle(underWay, { now: clock.now(), taken: 1, refused: 0, asked: true });
  clock.uptime += 2 * hourMs;
  const wait = refusalOf(ask()).notBefore - clock.now();
  assert.ok(wait > dayMs - 2 * hourMs - minuteMs && wait < dayMs, `${wait}`);
  clock.uptime += wait + minuteMs;
  for (let i = 0; i < 3; i++) reservationOf(ask());
});

test("a rule that was away for some runs, or till a reload, finds what was used", async () => {
  const clock = new TestClock();
  const journal = new TestJournal();
  const [stays, away] = [ruleOf({ id: "stays", amount: 10, windowMs: dayMs }), ruleOf({ id: "away", amount: 3, windowMs: dayMs })];
  const ask = (ledger: Ledger) => ledger.admit(requestOf({ now: clock.now() }));
  const run = async (rules: readonly LimitRule[], work: (ledger: Ledger) => Promise<void> | void) => {
    await using ledger = await openLedger({ rules, clock, journal });
    await work(ledger);
    clock.uptime += minuteMs;
  };
  await run([stays, away], (ledger) => {
    for (let i = 0; i < 3; i++) relayed(ledger, ask(ledger), 1, clock.now());
    refusalOf(ask(ledger));
  });
  await run([stays], (ledger) => relayed(ledger, ask(ledger), 1, clock.now()));
  await run([stays], async (ledger) => {
    await ledger.setRules([stays, away]);
    assert.equal(refusalOf(ask(ledger)).limit.id, "away");
    await ledger.setRules([stays]);
    relayed(ledger, ask(ledger), 1, clock.now());
  });
  await run([stays, away], (ledger) => {
    assert.equal(refusalOf(ask(ledger)).limit.id, "away");
    clock.uptime += dayMs;
    reservationOf(ask(ledger));
  });
  assert.ok(journal.marks.size < 6, "nothing is kept for ever");
});

test("what is larger than its limit waits and makes nobody wait behind it", async () => {
  const { ledger, clock, ask } = await open([ruleOf({ unit: "bytes", amount: 1000, windowMs: hourMs })]);
  relayed(ledger, ask({ size: 600 }), 1, clock.now());
  const never = refusalOf(ask({ size: 1001 })).notBefore - clock.now();
  const next = refusalOf(ask({ size: 600 })).notBefore - clock.now();
  assert.ok(next > hourMs - minuteMs && next < hourMs + minuteMs, `${next}`);
  assert.ok(never >= hourMs && never < 2 * hourMs, `${never}`);
});
