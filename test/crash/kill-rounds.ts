import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { StatusView } from "../../src/admin/contract.ts";
import { GatewayProcess, prepareGateway } from "../support/gateway-process.ts";
import { MailLoad } from "../support/mail-load.ts";
import { RelaySink } from "../support/relay-sink.ts";
import { readStoredQueue } from "../support/stored-queue.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { contentOf, hashOf } from "../support/token-message.ts";
import { until } from "../support/until.ts";
import { seededRandom } from "../support/seeded-random.ts";

/**
 * kill -9 under load, again and again on one data directory, and then the reckoning.
 *
 * What is proven: a crash of the process loses nothing that got a positive reply, relays nothing that was not sent whole, changes no byte,
 * and repeats only recipients that were leased when it came. What is not: anything about the machine losing power; the page cache survives
 * the process (power-cut.test.ts).
 */
export interface KillReport {
  readonly rounds: number;
  /** Processes that died before they took mail. */
  readonly killedWhileStarting: number;
  readonly acceptedMessages: number;
  readonly acceptedRecipients: number;
  /** Sent whole, but the reply was lost in the crash: stored or not, both are right. */
  readonly openMessages: number;
  readonly openFound: number;
  readonly relayedRecipients: number;
  readonly duplicates: number;
  /** Recipients that were leased when a process was killed: the bound of the duplicates. */
  readonly leasedAtKills: number;
}

export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly sessions: number;
  readonly pauseMs: number;
  /** Longest life of a process after it is ready. */
  readonly lifeMs: number;
  readonly drainMs: number;
  /** How long the next hop takes for a message. */
  readonly sinkMs?: number;
  /** After each kill; for showing that the reckoning can fail. */
  readonly harm?: (data: string) => void;
}

export async function killRounds(options: KillOptions): Promise<KillReport> {
  const { rounds, seed, sessions, pauseMs, lifeMs, drainMs, sinkMs = 3, harm } = options;
  using folder = temporaryFolder();
  const random = seededRandom(seed);
  await using sink = await RelaySink.open({ answerAfterMs: sinkMs });
  const place = await prepareGateway(folder.path, { sink: sink.port });
  const load = MailLoad.start({
    port: place.port,
    run: "kill00",
    sessions,
    // One of twelve goes to a segment.
    sizeOf: (n) => (n % 12 === 5 ? 100_000 : 300 + ((n * 977) % 9000)),
    recipientsOf: (n) => (n % 10 === 3 ? 5 : 1),
    pauseMs,
    reconnects: true,
  });
  /** `token recipient` → at how many kills it was leased. */
  const leasedAtKills = new Map<string, number>();
  let killedWhileStarting = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      await using gateway = GatewayProcess.start(place);
      if (round % 4 === 2) {
        // Anywhere in the start: opening, recovering, listening.
        await delay(random() * 700);
        killedWhileStarting++;
      } else {
        assert.ok(await gateway.ready, `round ${round} did not start:\n${gateway.log}`);
        await delay(random() * lifeMs);
      }
      assert.equal(gateway.exit, null, `round ${round} ended by itself:\n${gateway.log.slice(-4000)}`);
      await gateway.kill();
      for (const key of readStoredQueue(place.data).leased) leasedAtKills.set(key, (leasedAtKills.get(key) ?? 0) + 1);
      harm?.(place.data);
    }
  } finally {
    await load.stop();
  }

  sink.answerAfterMs = 0;
  await using last = await GatewayProcess.ready(place);
  const status = await until(
    "the queue drained",
    async () => {
      const now = await last.control.get<StatusView>("/api/status");
      return now.totals.messages === 0 && now;
    },
    { timeoutMs: drainMs, everyMs: 100 },
  );

  const { totals, balance } = status;
  assert.deepEqual(balance, { ok: true, accepted: totals.accepted, accounted: totals.accepted });
  assert.equal(totals.relayed, totals.accepted, "all that was accepted is relayed");
  const counts = sink.counts();
  const known = new Map(load.messages.map((message) => [message.token, message]));
  const hashes = new Map<string, string>();
  for (const { token, hash } of sink.relays) {
    const message = token === null ? undefined : known.get(token);
    assert.ok(message !== undefined, `${token} was never sent`);
    assert.ok(
      message.state === "accepted" || message.state === "sent",
      `${token} was not sent to its end, or refused: ${message.state} ${message.reply}`,
    );
    let right = hashes.get(message.token);
    if (right === undefined) hashes.set(message.token, (right = hashOf(contentOf(message.token))));
    assert.equal(hash, right, `the content of ${token}`);
  }
  const lost = load.accepted.flatMap(({ token, recipients }) => recipients.map((to) => `${token} ${to}`)).filter((key) => !counts.has(key));
  assert.deepEqual(lost, [], "accepted, but never relayed");
  let duplicates = 0;
  for (const [key, times] of counts) {
    const most = 1 + (leasedAtKills.get(key) ?? 0);
    assert.ok(times <= most, `${key} was relayed ${times} times, but leased at ${most - 1} kills`);
    duplicates += times - 1;
  }
  assert.equal(counts.size, totals.relayed, "what the queue calls relayed is what the next hop took");
  await last.stop();

  const open = load.messages.filter(({ state }) => state === "sent");
  return {
    rounds,
    killedWhileStarting,
    acceptedMessages: load.accepted.length,
    acceptedRecipients: load.accepted.reduce((sum, { recipients }) => sum + recipients.length, 0),
    openMessages: open.length,
    openFound: open.filter(({ token, recipients }) => counts.has(`${token} ${recipients[0]}`)).length,
    relayedRecipients: counts.size,
    duplicates,
    leasedAtKills: [...leasedAtKills.values()].reduce((sum, times) => sum + times, 0),
  };
}
