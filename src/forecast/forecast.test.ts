import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger } from "../limits/ledger.ts";
import { relayed, requestOf, TestClock } from "../limits/support.ts";
import { rulesAsOf } from "../limits/rules-as-of.ts";
import type { BacklogSample } from "../queue/archive.ts";
import { computeForecast } from "./compute-forecast.ts";
import type { Forecast } from "./forecast.ts";
import { improvementsOf } from "./improvements.ts";
import { dayMs, hourMs, inputOf, limitOf, minuteMs, routeOf, start } from "./support.ts";

function outAfter({ lastOutAt }: Pick<Forecast, "lastOutAt">): number {
  assert.notEqual(lastOutAt, null);
  return (lastOutAt as number) - start;
}

/** Between the earliest moment that a limit allows, and a little later: a window is counted in slices. */
function assertSoonAfter(actual: number, earliest: number, toleranceMs: number): void {
  assert.ok(actual >= earliest && actual <= earliest + toleranceMs, `${actual / minuteMs} min, not soon after ${earliest / minuteMs} min`);
}

test("a limit of an hour lets so many go in each hour", () => {
  const forecast = computeForecast(
    inputOf({ routes: [routeOf("main")], limits: [limitOf({ name: "hourly", amount: 400, perMs: hourMs })] }),
  );
  // 400 at once, 400 an hour later, 200 two hours later.
  assertSoonAfter(outAfter(forecast), 2 * hourMs, minuteMs);
  assert.deepEqual(forecast.recipients, { internal: 0, external: 1000 });
  assert.equal(forecast.left, 0);
  const [limit] = forecast.limits;
  assert.equal(limit?.id, "limits.hourly");
  assert.ok(limit.from - start < minuteMs && limit.until > start + 1.9 * hourMs && limit.waitedMs > 1.9 * hourMs);
});

test("without a limit it is the connections and the time of an attempt that count", () => {
  const routes = [routeOf("main", { concurrency: 4 }, { meanMs: 2500 })];
  // Bulk mail leaves one of four places free.
  assertSoonAfter(outAfter(computeForecast(inputOf({ routes }))), (1000 / 3) * 2500, 10_000);
  const urgent = computeForecast(inputOf({ routes, question: { priority: "transactional" } }));
  assertSoonAfter(outAfter(urgent), (1000 / 4) * 2500, 10_000);
  const together = computeForecast(inputOf({ routes, question: { priority: "transactional", perMessage: 100 } }));
  assertSoonAfter(outAfter(together), 3 * 2500, 0);
});

test("mail at a limit goes by the next route, unless its rule says no or readers would see another sender", () => {
  const limits = [limitOf({ name: "each", amount: 250, perMs: hourMs, each: ["route"] })];
  const two = [routeOf("first"), routeOf("second")];
  const both = computeForecast(inputOf({ routes: two, limits }));
  assertSoonAfter(outAfter(both), hourMs, minuteMs);
  assert.deepEqual(both.routes.map(({ route, external }) => [route, external]).sort(), [
    ["first", 500],
    ["second", 500],
  ]);
  const patient = computeForecast(inputOf({ routes: two, limits, rules: [{ name: "all", routes: ["first", "second"], overflow: false }] }));
  assertSoonAfter(outAfter(patient), 3 * hourMs, minuteMs);
  assert.deepEqual(
    patient.routes.map(({ route }) => route),
    ["first"],
  );
  const rewriting = routeOf("second", { rewritesSender: true, account: "noreply@contoso.example", senderRule: "account" });
  assertSoonAfter(outAfter(computeForecast(inputOf({ routes: [routeOf("first"), rewriting], limits }))), 3 * hourMs, minuteMs);
});

test("what was sent before counts, and what waits already goes first", async () => {
  const limits = [limitOf({ name: "hourly", amount: 1000, perMs: hourMs })];
  const fresh = inputOf({ routes: [routeOf("main")], limits });
  assert.ok(outAfter(computeForecast(fresh)) < 5 * minuteMs);

  const clock = new TestClock();
  clock.wall = start - clock.uptime - 10 * minuteMs;
  const used = Ledger.resume({ at: clock.now(), rules: [], counters: [] }, clock);
  await used.setRules(rulesAsOf(fresh.traffic, "2026-11-23", new Map()));
  const recipients = Array.from({ length: 600 }, () => "@x.example");
  relayed(used, used.admit(requestOf({ now: clock.now(), recipients })), 600, clock.now());
  clock.uptime += 10 * minuteMs;
  const after = computeForecast({ ...fresh, ledger: used.snapshot(new Set()) });
  // 400 at once; the 600 of ten minutes ago are counted for fifty minutes more.
  assertSoonAfter(outAfter(after), 50 * minuteMs, minuteMs);

  const sample: BacklogSample = {
    principal: "other",
    priority: "bulk",
    reversePath: "app@contoso.example",
    author: "app@contoso.example",
    size: 5000,
    domain: "fabrikam.example",
    recipients: 2,
  };
  const waiting = computeForecast({
    ...fresh,
    backlog: [
      {
        due: [
          [start, 1000],
          [start + 30 * minuteMs, 500],
        ],
        samples: [sample],
      },
    ],
  });
  // Both principals take turns, and the other's messages have two recipients: 333 of the first 1000 are ours, 333 of the second, then the rest.
  assertSoonAfter(outAfter(waiting), 2 * hourMs, minuteMs);
  assert.equal(waiting.backlog.recipients, 1500);
  assert.equal(waiting.routes[0]?.backlog, 1500 - waiting.backlog.left);
});

test("one recipient who is named may reach a limit of his own; those without a name do not", () => {
  const limits = [limitOf({ name: "each", unit: "messages", amount: 100, perMs: hourMs, each: ["recipient"] })];
  const of = (to: string) =>
    outAfter(computeForecast(inputOf({ routes: [routeOf("main")], limits, question: { to: [{ to, count: 250 }] } })));
  // Each message is told a time of its own, which is a little late.
  assertSoonAfter(of("alarm@contoso.example"), 2 * hourMs, 10 * minuteMs);
  assert.ok(of("@contoso.example") < minuteMs);
});

test("what is handed over later finds the account as it will be then", () => {
  const limits = [limitOf({ name: "hourly", amount: 1000, perMs: hourMs })];
  const sample: BacklogSample = {
    principal: "other",
    priority: "bulk",
    reversePath: "app@contoso.example",
    author: "app@contoso.example",
    size: 5000,
    domain: "fabrikam.example",
    recipients: 1,
  };
  const startsAt = start + 30 * minuteMs;
  const forecast = computeForecast(
    inputOf({ routes: [routeOf("main")], limits, backlog: [{ due: [[start, 600]], samples: [sample] }], question: { startsAt } }),
  );
  // The backlog's 600 went at once; 400 go when it is handed over, and the rest when those 600 count no more.
  assertSoonAfter(outAfter(forecast), hourMs, 2 * minuteMs);
  assert.ok((forecast.firstOutAt ?? 0) >= startsAt && forecast.backlog.left === 0);
});

test("another amount holds from the day on which its rule changes", () => {
  // A tenant of the smallest size: the formula's amount when it is old enough, a share of it before (facts of services/tenant.ts).
  const routes = [routeOf("auth")];
  const counted = [{ name: "auth", service: "smtp-auth", mailbox: "app@contoso.example" } as const];
  const of = (createdOn: string) =>
    computeForecast(
      inputOf({ routes, counted, tenant: { licences: 1, createdOn }, question: { to: [{ to: "@fabrikam.example", count: 12_000 }] } }),
    );
  // 10,000 on the first day.
  assertSoonAfter(outAfter(of("2020-01-01")), dayMs, 2 * hourMs);
  // 1000 a day.
  assertSoonAfter(outAfter(of("2026-11-22")), 11 * dayMs, 2 * hourMs);
  // 1000 on each of seven days; from midnight, when it is 31 days old, 1500 more in each 24 hours.
  assertSoonAfter(outAfter(of("2026-10-30")), 8 * dayMs, 2 * hourMs);
});

test("a million steps more or less: many at once are as late as one by one", () => {
  const names = ["a", "b", "c"];
  const forecast = computeForecast(
    inputOf({
      routes: names.map((name) => routeOf(name, { concurrency: 3 }, { meanMs: 400 })),
      counted: names.map((name) => ({ name, service: "smtp-auth", mailbox: `${name}@contoso.example` })),
      question: { to: [{ to: "@contoso.example", count: 600_000 }] },
    }),
  );
  // 10,000 a day for each of three mailboxes: after 19 days the last day's share goes at 30 a minute.
  const expected = 19 * dayMs + (10_000 / 30) * minuteMs;
  assert.ok(Math.abs(outAfter(forecast) / expected - 1) < 0.005, `${outAfter(forecast) / dayMs} days, not ${expected / dayMs}`);
});

test("for whom there is no way is told, with the reasons", () => {
  const input = inputOf({
    routes: [routeOf("inside", { external: false })],
    question: {
      to: [
        { to: "@contoso.example", count: 5 },
        { to: "@fabrikam.example", count: 7 },
      ],
    },
  });
  const forecast = computeForecast(input);
  assert.deepEqual(forecast.unroutable, [
    { to: "@fabrikam.example", count: 7, reasons: [{ route: "inside", reason: "external-recipient" }] },
  ]);
  assert.deepEqual([forecast.lastOutAt, forecast.left, forecast.recipients.internal], [null, 7, 5]);
  assert.deepEqual(improvementsOf(input, forecast), []);
});

test("a paused route sends nothing; one in trouble, from when it is tried next", () => {
  const paused = inputOf({ routes: [routeOf("main", {}, { circuit: "paused" })] });
  const never = computeForecast(paused);
  assert.deepEqual([never.lastOutAt, never.left], [null, 1000]);
  assert.deepEqual(
    improvementsOf(paused, never).map(({ change }) => change),
    [{ kind: "resume", route: "main" }],
  );
  const troubled = inputOf({ routes: [routeOf("main", {}, { circuit: "open", retryAt: start + hourMs })] });
  assertSoonAfter(outAfter(computeForecast(troubled)), hourMs, minuteMs);
});

test("what would make it faster is tried: licences, an account, a route, more in one message", () => {
  const routes = [routeOf("relay", { price: null }), routeOf("acs", { price: { perRecipientUsd: 0.00025, perMegabyteUsd: 0 } })];
  const counted = [{ name: "relay", service: "connector" } as const, { name: "acs", service: null }];
  const rules = [{ name: "all", routes: ["relay"] }];
  const question = { to: [{ to: "@fabrikam.example", count: 20_000 }] };
  const input = inputOf({ routes, counted, rules, tenant: { licences: 50 }, question });
  const forecast = computeForecast(input);
  // 500 × 50^0.7 + 9500 external recipients a day for the tenant; the rest a day later. An account more would not help.
  assertSoonAfter(outAfter(forecast), dayMs, 2 * hourMs);
  const better = improvementsOf(input, forecast);
  assert.deepEqual(
    better.map(({ change }) => change).sort((a, b) => a.kind.localeCompare(b.kind)),
    [
      { kind: "licences", from: 50, to: 100 },
      { kind: "route", route: "acs", rules: ["all"] },
    ],
  );
  assert.equal(forecast.cost.usd, 0);
  assert.ok((better.find(({ change }) => change.kind === "route")?.cost.usd ?? 0) > 0);

  const mailbox = inputOf({
    routes: [routeOf("auth")],
    counted: [{ name: "auth", service: "smtp-auth", mailbox: "app@contoso.example" }],
    question: { to: [{ to: "@contoso.example", count: 9000 }] },
  });
  const slow = computeForecast(mailbox);
  // 30 messages a minute.
  assertSoonAfter(outAfter(slow), (9000 / 30 - 1) * minuteMs, 2 * minuteMs);
  const [together, account, ...others] = improvementsOf(mailbox, slow);
  assert.deepEqual([together?.change.kind, account?.change, others], ["per-message", { kind: "account", like: "auth" }, []]);
  assertSoonAfter(outAfter(account as { lastOutAt: number }), (4500 / 30 - 1) * minuteMs, 2 * minuteMs);
});
