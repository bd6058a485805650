/** As days.test.ts, with amounts of the services' own: ACS and what a mailbox receives as published, the others with a part of theirs, so that it takes minutes. */
import { test } from "node:test";
import { checkFigures } from "./check-figures.ts";
import { playDays } from "./play-days.ts";

test("days at every limit, with kill -9 and another sender in between", { timeout: 900_000 }, async (context) => {
  const figures = await playDays(
    {
      externalPerDay: 3000,
      onmicrosoftPerDay: 100,
      mailboxPerDay: 1500,
      hvePerDay: 1500,
      acsPerHour: 100,
      acsPerMinute: 30,
      receivedPerHour: 3600,
      receivedFromOnePerHour: 1200,
      hours: 2,
    },
    { seed: 2, tell: (text) => context.diagnostic(text) },
  );
  context.diagnostic(JSON.stringify(figures));
  // After a crash each receiver is taken to have had a twentieth more; it has two hours here, each after a kill.
  checkFigures(figures, (limit) => limit !== "receiver");
});
