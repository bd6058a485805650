import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { GatewayProcess, prepareGateway } from "../support/gateway-process.ts";
import { MailLoad, manyRecipients } from "../support/mail-load.ts";
import { RelaySink } from "../support/relay-sink.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { Reckoning, type Reckoned } from "./reckoning.ts";
import { seededRandom } from "../support/seeded-random.ts";

/**
 * kill -9 under load, again and again on one data directory, and then the reckoning.
 *
 * What is proven: a crash of the process loses nothing that got a positive reply, relays nothing that was not sent whole, changes no byte,
 * and repeats only recipients that were leased when it came. What is not: anything about the machine losing power; the page cache survives
 * the process (power-cut.test.ts).
 */
export interface KillReport extends Reckoned {
  readonly rounds: number;
  /** Processes that died before they took mail, or just after. */
  readonly killedWhileStarting: number;
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
    // One of ten has several; one of nine has one whom the next hop does not know, among others or alone: its sender is told.
    recipientsOf: (n) => [...manyRecipients(n % 10 === 3 ? 5 : n % 18 === 4 ? 0 : 1), ...(n % 9 === 4 ? ["bad@fabrikam.example"] : [])],
    pauseMs,
    reconnects: true,
  });
  const reckoning = new Reckoning();
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
      reckoning.noteEnd(place.data);
      harm?.(place.data);
    }
  } finally {
    await load.stop();
  }

  sink.answerAfterMs = 0;
  await using last = await GatewayProcess.ready(place);
  const reckoned = await reckoning.settle(last, sink, load.messages, drainMs);
  await last.stop();
  return { rounds, killedWhileStarting, ...reckoned };
}
