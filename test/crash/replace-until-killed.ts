import { writeSync } from "node:fs";
import { openPins } from "../../src/compose/open-pins.ts";
import { RefreshTokenStore } from "../../src/identity/tokens/refresh-token-store.ts";
import { PolicyClock } from "../../src/lib/clock.ts";
import { changeable } from "../support/readers.ts";

/**
 * For small-files.test.ts: replaces refresh tokens or pins, tells the number of each that was said to be durable, and goes on until it is killed
 * or has done as many as asked.
 */
const [what = "", directory = "", first = "0", times = "Infinity"] = process.argv.slice(2);
const end = Number(first) + Number(times);
const tell = (n: number): unknown => writeSync(1, `${n}\n`);

if (what === "token") {
  const store = new RefreshTokenStore(directory, changeable("0123456789abcdef0123456789abcdef"));
  for (let n = Number(first) + 1; n <= end; n++) {
    await store.write("one", `refresh-${n}-${"x".repeat(2000)}`);
    tell(n);
  }
} else {
  using clock = new PolicyClock();
  using board = await openPins(directory, clock, () => undefined);
  for (let n = Number(first) + 1; n <= end; n++) {
    const before = board.list();
    await board.add({ route: `route-${n}`, by: "x".repeat(200) });
    tell(n);
    const [oldest] = before;
    if (before.length > 5 && oldest !== undefined) await board.remove(oldest.id);
  }
}
