import assert from "node:assert/strict";
import { test } from "node:test";
import { keptMs, pointMs, UsageHistory } from "./usage-history.ts";

const start = Date.parse("2026-11-21T12:00:00Z");
const sample = (used: number, counted = "tenant", foreign = 0) => ({ rule: "terrl", counted, used, foreign });

test("a point for each quarter of an hour in which anything was used, the highest of it, for seven days", () => {
  const history = new UsageHistory();
  history.record(start, [sample(5)]);
  history.record(start + 60_000, [sample(3, "tenant", 7)]);
  history.record(start + pointMs, [sample(0)]);
  history.record(start + 2 * pointMs, [sample(9)]);
  const points = [
    { at: start, used: 5, foreign: 7 },
    { at: start + 2 * pointMs, used: 9, foreign: 0 },
  ];
  assert.deepEqual(history.series({ most: 1 }), [{ rule: "terrl", counted: "tenant", points }]);
  assert.deepEqual(new UsageHistory(history.dump()).series({ most: 1 })[0]?.points, points);
  assert.deepEqual(history.series({ most: 1, everyMs: 4 * pointMs })[0]?.points, [{ at: start, used: 9, foreign: 7 }]);
  assert.deepEqual(history.series({ most: 9, rule: "other" }), []);
  assert.equal(history.series({ most: 9, counted: "TEN" }).length, 1);
  history.record(start + keptMs, [sample(1)]);
  assert.deepEqual(
    history.series({ most: 1 })[0]?.points.map(({ at }) => at),
    [start + 2 * pointMs, start + keptMs],
  );
  // The clock goes back: what it had told of later times was not so.
  history.record(start + 2 * pointMs, [sample(4)]);
  assert.deepEqual(history.series({ most: 1 })[0]?.points, [points[1]]);
});

test("From domains that come and go cannot make it grow, and the latest are kept", () => {
  const history = new UsageHistory();
  for (let n = 0; n < 1000; n++) history.record(start + n * 1000, [sample(1, `tenant from d${n}.example`)]);
  const series = history.series({ most: 10_000 });
  assert.equal(series.length, 200);
  assert.ok(series.some(({ counted }) => counted === "tenant from d999.example"));
});
