import { test } from "node:test";
import { dayMs, hourMs, limitOf, minuteMs } from "../../src/forecast/support.ts";
import { assertNear } from "./assert-near.ts";
import { play, type Played } from "./play.ts";

const two = { first: { concurrency: 4 }, second: { concurrency: 4 } };
const bulk = (internal: number, external: number, principal = "app") => ({ principal, priority: "bulk", internal, external }) as const;
const urgent = (internal: number, external: number, principal = "erp") =>
  ({ principal, priority: "transactional", internal, external }) as const;
const pace = limitOf({ name: "pace", unit: "messages", amount: 30, perMs: minuteMs, burst: 6, each: ["route"] });
const daily = limitOf({ name: "daily", amount: 400, perMs: dayMs, each: ["route"] });

const days: Readonly<Record<string, Played>> = {
  "a limit of an hour": {
    routes: two,
    limits: [limitOf({ name: "hourly", amount: 250, perMs: hourMs })],
    asked: bulk(0, 2330),
    horizonMs: 12 * hourMs,
  },
  "a pace, beside urgent mail": {
    routes: two,
    limits: [pace],
    backlog: [urgent(200, 100)],
    asked: bulk(600, 600),
    horizonMs: 2 * hourMs,
  },
  "days of two routes, others' use before, a backlog of two": {
    routes: two,
    limits: [pace, daily, limitOf({ name: "outside", unit: "external-recipients", amount: 500, perMs: dayMs })],
    before: [
      { mail: urgent(100, 200), ms: 7 * hourMs },
      { mail: bulk(100, 0, "crm"), ms: 2 * hourMs },
    ],
    backlog: [urgent(100, 100), bulk(100, 100, "crm")],
    // Not just as many as fit into the last window: one more would make a day's difference.
    asked: bulk(780, 760),
    horizonMs: 6 * dayMs,
  },
  "one route waits while the other may not be used": {
    routes: two,
    rules: [{ name: "all", routes: ["first", "second"], overflow: false }],
    limits: [daily],
    asked: bulk(500, 600),
    horizonMs: 4 * dayMs,
  },
  "a limit for each principal": {
    routes: two,
    limits: [limitOf({ name: "principal", unit: "messages", amount: 60, perMs: hourMs, each: ["principal"] })],
    backlog: [urgent(0, 200)],
    asked: bulk(0, 500),
    horizonMs: 20 * hourMs,
  },
  "two mailboxes of a new tenant": {
    routes: two,
    counted: [
      { name: "first", service: "smtp-auth", mailbox: "a@contoso.example" },
      { name: "second", service: "smtp-auth", mailbox: "b@contoso.example" },
    ],
    // A tenth of the limit for external recipients, as long as it is this young.
    tenant: { licences: 1, createdOn: new Date(Date.now() - 5 * dayMs).toISOString().slice(0, 10) },
    backlog: [bulk(0, 700, "crm")],
    asked: bulk(300, 900),
    horizonMs: 3 * dayMs,
  },
};

for (const [name, played] of Object.entries(days)) {
  test(`as late as foreseen: ${name}`, { timeout: 300_000 }, async (t) => {
    const compared = await play(played);
    t.diagnostic(`foreseen ${(compared.foreseenMs / minuteMs).toFixed(2)} min, really ${(compared.reallyMs / minuteMs).toFixed(2)} min`);
    assertNear(compared);
  });
}
