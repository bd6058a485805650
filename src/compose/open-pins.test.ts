import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { until } from "../../test/support/until.ts";
import { PolicyClock } from "../lib/clock.ts";
import { maxPins } from "../routing/pins.ts";
import { openPins } from "./open-pins.ts";

suite("the board of pins", () => {
  test("a pin outlives the process, and tells when it begins and ends", async () => {
    const folder = temporaryFolder();
    using clock = new PolicyClock();
    const told: string[][] = [];
    const note = (pins: readonly { readonly route: string }[]): void => void told.push(pins.map(({ route }) => route));
    const start = clock.now();
    {
      using board = await openPins(folder.path, clock, note);
      assert.deepEqual(board.list(), []);
      // Both at once: neither overwrites the other.
      await Promise.all([
        board.add({ route: "hve", principal: "scanner", by: "command line", until: start + 7_200_000 }),
        board.add({ route: "tenant", to: "@fabrikam.example", by: "console" }),
      ]);
      assert.deepEqual(told, [["hve"], ["hve", "tenant"]]);
    }
    using board = await openPins(folder.path, clock, note);
    assert.deepEqual(
      board.list().map(({ route, by }) => [route, by]),
      [
        ["hve", "command line"],
        ["tenant", "console"],
      ],
    );
    clock.set(start + 7_200_001);
    await until("the pin to end", () => board.list().length === 1);
    assert.deepEqual(told.at(-1), ["tenant"]);
    // What has ended is not found again.
    using later = await openPins(folder.path, clock, note);
    assert.deepEqual(
      later.list().map(({ route }) => route),
      ["tenant"],
    );
    assert.equal(await later.remove("nothing"), false);
    assert.equal(await later.remove(later.list()[0]?.id ?? ""), true);
    assert.deepEqual(told.at(-1), []);
  });

  test("their number is bounded", async () => {
    const folder = temporaryFolder();
    using clock = new PolicyClock();
    using board = await openPins(folder.path, clock, () => undefined);
    for (let n = 0; n < maxPins; n++) assert.notEqual(await board.add({ route: "r", to: "*", by: "x" }), null);
    assert.equal(await board.add({ route: "r", to: "*", by: "x" }), null);
  });

  test("a file that is none is not taken for no pins", async () => {
    const folder = temporaryFolder();
    using clock = new PolicyClock();
    for (const text of ["", "{}", '[{"route":"hve"}]']) {
      writeFileSync(join(folder.path, "pins.json"), text);
      await assert.rejects(
        openPins(folder.path, clock, () => undefined),
        /does not hold pins/,
      );
    }
  });
});
