import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { StatusView } from "../../src/admin/contract.ts";
import { GatewayProcess, prepareGateway } from "../support/gateway-process.ts";
import { MailLoad, manyRecipients, type SentMessage } from "../support/mail-load.ts";
import { RelaySink } from "../support/relay-sink.ts";
import { readTrace, straceTo, type SystemCall } from "../support/system-calls.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

export interface RunOptions {
  /** Nothing is relayed: all that is accepted must be in the queue. */
  readonly paused: boolean;
  readonly single: number;
  readonly parallel: number;
  /** Pauses of the load in which the store is idle and copies its WAL into the database, after which the WAL begins anew. */
  readonly rests: number;
  /** The run begins on the directory of one that was killed, instead of an empty one. */
  readonly sinkMs?: number;
}

/** A gateway's life under strace, from an empty directory to SIGKILL, with what its clients and its next hop know. */
export interface RecordedRun extends Disposable {
  readonly calls: readonly SystemCall[];
  readonly data: string;
  readonly messages: readonly SentMessage[];
  /** Tokens that the next hop took. */
  readonly relayed: ReadonlySet<string>;
  readonly traceBytes: number;
}

/** One of eight is too large for a row and goes to a segment. */
const sizeOf = (n: number): number => (n % 8 === 3 ? 60_000 + (n % 5) * 20_000 : 200 + ((n * 7919) % 12_000));

export async function recordRun({ paused, single, parallel, rests, sinkMs = 0 }: RunOptions): Promise<RecordedRun> {
  const folder = temporaryFolder();
  try {
    await using sink = await RelaySink.open({ answerAfterMs: sinkMs });
    const place = await prepareGateway(folder.path, { sink: sink.port, paused });
    const file = join(folder.path, "trace");
    await using gateway = await GatewayProcess.ready(place, { before: straceTo(file) });
    const messages: SentMessage[] = [];
    const recipientsOf = (n: number): readonly string[] => manyRecipients(n % 6 === 2 ? 4 : 1);
    for (let part = 0; part <= rests; part++) {
      const load = { port: place.port, sizeOf, recipientsOf };
      messages.push(...(await MailLoad.run({ ...load, run: `one${String(part).padStart(3, "0")}`, sessions: 1, messages: single })));
      messages.push(...(await MailLoad.run({ ...load, run: `par${String(part).padStart(3, "0")}`, sessions: 8, messages: parallel })));
      // Nothing tells of a finished checkpoint; its next tick is at most a second away, and another one after that sees the store at rest.
      if (part < rests) await delay(2200);
    }
    if (!paused) {
      const drained = async () => (await gateway.control.get<StatusView>("/api/status")).totals.messages === 0;
      await until("the queue drained", drained, { timeoutMs: 30_000, everyMs: 50 });
    }
    await gateway.killTraced();
    const calls = readTrace(file, (line) => line.includes(place.data) || line.includes("queued as"));
    return {
      calls,
      data: place.data,
      messages,
      relayed: new Set(sink.relays.flatMap(({ token }) => token ?? [])),
      traceBytes: statSync(file).size,
      [Symbol.dispose]: () => folder[Symbol.dispose](),
    };
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}
