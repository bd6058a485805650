import assert from "node:assert/strict";
import { test } from "node:test";
import { computeForecast } from "./compute-forecast.ts";
import { runForecast } from "./run-forecast.ts";
import { hourMs, inputOf, limitOf, routeOf } from "./support.ts";

const input = (count: number) =>
  inputOf({
    routes: [routeOf("main")],
    limits: [limitOf({ name: "hourly", amount: 400, perMs: hourMs })],
    question: { to: [{ to: "@fabrikam.example", count }] },
  });
const never = new AbortController().signal;

test("in its thread a forecast is the same, and tells how far it is", async () => {
  const shares: number[] = [];
  const forecast = await runForecast(
    { ...input(20_000), routes: [routeOf("main"), routeOf("other", {}, { circuit: "paused" })] },
    { faster: true, signal: never, onProgress: (share) => shares.push(share) },
  );
  assert.deepEqual({ ...forecast, faster: [] }, computeForecast(input(20_000)));
  assert.ok(shares.length > 2 && shares.every((share, i) => share >= (shares[i - 1] ?? 0) && share <= 1), shares.join(" "));
});

test("the thread that asks goes on meanwhile, and may give up", { timeout: 30_000 }, async () => {
  const abort = new AbortController();
  let turns = 0;
  const ticks = setInterval(() => turns++, 1);
  const long = runForecast(input(10_000_000), {
    faster: true,
    signal: abort.signal,
    onProgress: () => turns > 20 && abort.abort(new Error("enough")),
  });
  await assert.rejects(long, /enough/);
  clearInterval(ticks);
  assert.ok(turns > 20);
  await assert.rejects(runForecast(input(1), { faster: false, signal: abort.signal }), /enough/);
});
