import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { PolicyClock } from "../../src/lib/clock.ts";
import { steadyClock } from "../../src/lib/steady-clock.ts";
import { openLedger } from "../../src/limits/ledger.ts";
import { requestOf, reservationOf } from "../../src/limits/support.ts";
import { openTest, scratch } from "../../src/store/sqlite/support.ts";
import { ledgerRules, users } from "./ledger-rules.ts";

const child = fileURLToPath(new URL("ledger-child.ts", import.meta.url));

/** Starts a run in the directory and kills it a while after its first unit; to whom it has told that it sends. */
async function sentUntilKilled(directory: string, afterMs: number): Promise<readonly string[]> {
  const running = spawn(process.execPath, [child, directory], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  let kill: NodeJS.Timeout | undefined;
  running.stdout.on("data", (piece: Buffer) => {
    text += piece.toString();
    if (text.includes("sent")) kill ??= setTimeout(() => running.kill("SIGKILL"), afterMs);
  });
  await once(running, "close");
  // A line that was cut off is of a unit that was not sent.
  return [...text.matchAll(/^sent to (.+)\n/gm)].map(([, user]) => user as string);
}

test("kill -9 again and again: the account knows of everything that was sent, and of little more", { timeout: 60_000 }, async (t) => {
  await using place = await scratch();
  const rounds = 6;
  const sent: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const ofRound = await sentUntilKilled(place.directory, Math.random() * 400);
    assert.ok(ofRound.length > 0, "the child got nowhere");
    sent.push(...ofRound);
  }
  await using opened = await openTest(place.directory);
  const clock = steadyClock(new PolicyClock());
  const ledger = await openLedger({ rules: ledgerRules, clock, journal: opened.store.limitJournal });
  // A counter that nobody has asked since is not in memory.
  const reservation = reservationOf(ledger.admit(requestOf({ now: clock.now(), recipients: users })));
  ledger.settle(reservation, { now: clock.now(), taken: 0, refused: 0, asked: false });
  const usage = ledger.usage(clock.now());
  const [day, pair] = ledgerRules;
  const used = usage.find(({ rule }) => rule.id === day.id)?.used ?? 0;
  t.diagnostic(`sent ${sent.length}, counted ${used}`);
  assert.ok(used >= sent.length, `sent ${sent.length}, counted ${used}`);
  // Each crash may make it too high by a chunk and the one fetched ahead of need: 0.4 % of the amount.
  assert.ok(used <= sent.length + rounds * 0.004 * day.amount, `sent ${sent.length}, counted ${used}`);
  for (const user of users) {
    const toUser = sent.filter((name) => name === user).length;
    const counted = usage.find(({ rule, counted }) => rule.id === pair.id && counted.endsWith(user))?.used ?? 0;
    assert.ok(counted >= toUser, `to ${user} sent ${toUser}, counted ${counted}`);
    // And by the floor, a twentieth.
    assert.ok(counted <= toUser + (rounds * 0.04 + 0.05) * pair.amount, `to ${user} sent ${toUser}, counted ${counted}`);
  }
});
