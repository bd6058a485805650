import { writeSync } from "node:fs";
import { PolicyClock } from "../../src/lib/clock.ts";
import { steadyClock } from "../../src/lib/steady-clock.ts";
import { openLedger } from "../../src/limits/ledger.ts";
import { requestOf } from "../../src/limits/support.ts";
import { openTest } from "../../src/store/sqlite/support.ts";
import { ledgerRules, users } from "./ledger-rules.ts";

/** For ledger.test.ts: is admitted and settles without pause, and tells each unit that it sends, before it sends it, until it is killed. */
const [directory = ""] = process.argv.slice(2);
const { store } = await openTest(directory);
const ledger = await openLedger({ rules: ledgerRules, clock: steadyClock(new PolicyClock()), journal: store.limitJournal });

async function worker(number: number): Promise<void> {
  for (let i = 0; ; i++) {
    const now = Date.now();
    const user = users[(i * 7 + number) % users.length] as string;
    const admission = ledger.admit(requestOf({ now, recipients: [user] }));
    if (!admission.ok) return;
    if (admission.ready !== null) await admission.ready;
    writeSync(1, `sent to ${user}\n`);
    await new Promise((resolve) => setTimeout(resolve, i % 3));
    ledger.settle(admission.reservation, { now: Date.now(), taken: 1, refused: 0, asked: true });
  }
}

writeSync(1, "open\n");
await Promise.all(Array.from({ length: 4 }, (_, number) => worker(number)));
setInterval(() => undefined, 1000);
