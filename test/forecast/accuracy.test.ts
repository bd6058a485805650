import assert from "node:assert/strict";
import { test } from "node:test";
import { dayMs, hourMs, limitOf, minuteMs } from "../../src/forecast/support.ts";
import { assertNear } from "./assert-near.ts";
import { play } from "./play.ts";

const routes = { first: { concurrency: 4 }, second: { concurrency: 4 } };
const pace = limitOf({ name: "pace", unit: "messages", amount: 30, perMs: minuteMs, burst: 6, each: ["route"] });
const outside = limitOf({ name: "outside", unit: "external-recipients", amount: 120, perMs: dayMs });

test("two routes side by side, with what was sent before and a backlog: as late as foreseen, by the routes foreseen", async () => {
  const compared = await play({
    routes,
    limits: [pace, outside, limitOf({ name: "daily", amount: 100, perMs: dayMs, each: ["route"] })],
    before: [{ mail: { principal: "erp", priority: "transactional", external: 40 }, ms: 5 * hourMs }],
    backlog: [{ principal: "crm", priority: "transactional", internal: 20, external: 20 }],
    asked: { principal: "app", priority: "bulk", internal: 70, external: 70 },
    horizonMs: 2 * dayMs,
  });
  // Without what was sent before, or without the backlog, all would be out in minutes.
  assert.ok(compared.reallyMs > 18 * hourMs && compared.reallyMs < 20 * hourMs, `${compared.reallyMs / hourMs} h`);
  assertNear(compared);
  for (const { route, internal, external } of compared.forecast.routes)
    assert.ok(
      Math.abs(internal + external - (compared.routes[route] ?? 0)) <= 7,
      `${route}: ${internal + external}, really ${compared.routes[route]}`,
    );
  assert.ok(compared.forecast.limits.some(({ id }) => id === "limits.daily"));
});

test("two principals take turns in the forecast as they do for real", async () => {
  const compared = await play({
    routes,
    limits: [pace, outside],
    backlog: [{ principal: "erp", priority: "bulk", external: 100 }],
    asked: { principal: "app", priority: "bulk", external: 80 },
    horizonMs: 2 * dayMs,
  });
  // Were it not so, all 80 would be among the first 120 external ones of the day, or hardly any.
  assert.ok(compared.reallyMs > dayMs && compared.forecast.backlog.left < 40, JSON.stringify(compared));
  assertNear(compared);
});

test("what each message asks for by itself, behind others of its principal that wait already: as late as foreseen", async () => {
  const compared = await play({
    routes,
    limits: [limitOf({ name: "each", amount: 20, perMs: hourMs, each: ["principal"] })],
    before: [{ mail: { principal: "app", priority: "transactional", external: 50 }, ms: 70 * minuteMs }],
    backlog: [{ principal: "app", priority: "transactional", external: 35 }],
    asked: { principal: "app", priority: "transactional", external: 50 },
    horizonMs: 12 * hourMs,
  });
  // 135 at 20 an hour, of which the first go at once: a window for each 20 of the rest.
  assert.ok(compared.reallyMs < 5 * hourMs, `${compared.reallyMs / hourMs} h`);
  assertNear(compared);
});
