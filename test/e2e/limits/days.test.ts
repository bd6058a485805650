/**
 * Postern's account against the sandbox's, which counts by force, shares no code with it and counts up to 5 s late: nothing is refused for a
 * limit, nothing is wasted, everything is sent once. Small amounts here; days.proof.ts has the services' own.
 */
import { test } from "node:test";
import { checkFigures } from "./check-figures.ts";
import { playDays } from "./play-days.ts";

test("days at every limit, with kill -9 and another sender in between", { timeout: 170_000 }, async (context) => {
  const figures = await playDays(
    {
      externalPerDay: 400,
      onmicrosoftPerDay: 20,
      mailboxPerDay: 120,
      hvePerDay: 150,
      acsPerHour: 40,
      acsPerMinute: 10,
      receivedPerHour: 60,
      receivedFromOnePerHour: 20,
      hours: 6,
    },
    { seed: 1, tell: (text) => context.diagnostic(text) },
  );
  context.diagnostic(JSON.stringify(figures));
  checkFigures(figures, () => false);
});
