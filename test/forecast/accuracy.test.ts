import assert from "node:assert/strict";
import { test } from "node:test";
import { dayMs, hourMs, limitOf, minuteMs } from "../../src/forecast/support.ts";
import { play, type Compared } from "./play.ts";

function assertNear({ foreseenMs, reallyMs }: Compared): void {
  const off = foreseenMs / reallyMs - 1;
  assert.ok(Math.abs(off) < 0.02, `foreseen ${foreseenMs / minuteMs} min, really ${reallyMs / minuteMs}: ${(off * 100).toFixed(2)} % off`);
}

test("two routes side by side, with what was sent before and a backlog: as late as foreseen, by the routes foreseen", async () => {
  const compared = await play({
    routes: { first: { concurrency: 4 }, second: { concurrency: 4 } },
    limits: [
      limitOf({ name: "pace", unit: "messages", amount: 30, perMs: minuteMs, burst: 6, each: ["route"] }),
      limitOf({ name: "daily", amount: 100, perMs: dayMs, each: ["route"] }),
      limitOf({ name: "outside", unit: "external-recipients", amount: 120, perMs: dayMs }),
    ],
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
      Math.abs(internal + external - (compared.routes[route] ?? 0)) <= 12,
      `${route}: ${internal + external}, really ${compared.routes[route]}`,
    );
  assert.ok(compared.forecast.limits.some(({ id }) => id === "limits.daily"));
});
