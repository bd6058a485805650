import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { GatewayProcess, prepareGateway } from "../support/gateway-process.ts";
import { MailLoad, manyRecipients } from "../support/mail-load.ts";
import { RelaySink } from "../support/relay-sink.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";
import { Reckoning, type Reckoned } from "./reckoning.ts";

/**
 * Errors of the disk, made by the tracer at the call that the test names: the k-th of its kind on a file, in one life of a gateway after the
 * other on the same directory, under load.
 *
 * No space: clients are told 452 or 451, and when there is space again mail is taken again, by the same process. An I/O error of what
 * promises rest on: the process ends with 74, because a file that failed once cannot be trusted, and a supervisor starts the next one. In
 * the end the account must close, as after kill -9.
 */
export interface DiskError {
  readonly name: string;
  readonly calls: "pwrite64" | "fsync,fdatasync";
  /** In the data directory. */
  readonly files: readonly string[];
  readonly error: "ENOSPC" | "EIO";
  /** Counted from 1 in each thread of a process: `7`, `7..9`. */
  readonly when: string;
  /** What must become of a running process; one that is still starting must end. */
  readonly process: "goes on" | "ends" | "either";
}

export interface ErrorReport extends Reckoned {
  readonly rounds: number;
  /** By name: how often the error was met. */
  readonly met: Readonly<Record<string, number>>;
  readonly endedAtStart: number;
  readonly ended: number;
  readonly refusals: Readonly<Record<string, number>>;
}

const ioExitCode = 74;
/** Accepted after the error, so that it is seen that the process goes on. */
const goesOnAfter = 5;
const meetWithinMs = 15_000;

export async function diskErrors(errors: readonly DiskError[], { drainMs }: { readonly drainMs: number }): Promise<ErrorReport> {
  using folder = temporaryFolder();
  await using sink = await RelaySink.open({ answerAfterMs: 2 });
  const place = await prepareGateway(folder.path, { sink: sink.port });
  const reckoning = new Reckoning();
  const load = MailLoad.start({
    port: place.port,
    run: "error0",
    sessions: 3,
    sizeOf: (n) => (n % 3 === 1 ? 50_000 : 500),
    recipientsOf: (n) => manyRecipients(n % 5 === 3 ? 3 : 1),
    pauseMs: 5,
    reconnects: true,
  });
  const met: Record<string, number> = {};
  let [ended, endedAtStart] = [0, 0];
  try {
    // The first life makes the files, so that those that follow have little to write before the first message.
    {
      await using first = await GatewayProcess.ready(place);
      await until("the first messages", () => load.accepted.length > 20);
      await first.kill();
      reckoning.noteEnd(place.data);
    }
    for (const error of errors) {
      const trace = join(folder.path, "trace");
      await using gateway = GatewayProcess.start(place, { before: straceWith(error, place.data, trace) });
      const outcome = await meet(gateway, load, trace);
      const log = gateway.log.slice(-3000);
      if (outcome.met) met[error.name] = (met[error.name] ?? 0) + 1;
      if (outcome.ended) {
        assert.ok(outcome.met, `${error.name} ${error.when}: ended without an error of the disk\n${log}`);
        if (outcome.started) assert.notEqual(error.process, "goes on", `${error.name} ${error.when}: the process ended\n${log}`);
        assert.equal(gateway.exit?.code, ioExitCode, `${error.name} ${error.when}: ${JSON.stringify(gateway.exit)}\n${log}`);
        ended++;
        if (!outcome.started) endedAtStart++;
      } else if (outcome.met) assert.notEqual(error.process, "ends", `${error.name} ${error.when}: the process goes on\n${log}`);
      await gateway.kill();
      reckoning.noteEnd(place.data);
    }
  } finally {
    await load.stop();
  }
  const refusals: Record<string, number> = {};
  for (const { state, reply } of load.messages) {
    if (state !== "refused") continue;
    const kind = reply.slice(0, 9);
    assert.match(reply, /^4(?:52|51|21) /, "the only refusals");
    refusals[kind] = (refusals[kind] ?? 0) + 1;
  }
  await using last = await GatewayProcess.ready(place);
  const reckoned = await reckoning.settle(last, sink, load.messages, drainMs);
  return { ...reckoned, rounds: errors.length, met, ended, endedAtStart, refusals };
}

function straceWith({ calls, files, error, when }: DiskError, data: string, trace: string): readonly string[] {
  const paths = files.flatMap((file) => ["-P", join(data, file)]);
  return [
    "strace",
    "-f",
    "-qq",
    "-s",
    "0",
    "-o",
    trace,
    ...paths,
    "-e",
    `trace=${calls}`,
    "-e",
    `inject=${calls}:error=${error}:when=${when}`,
  ];
}

interface Met {
  /** The error has been made. */
  readonly met: boolean;
  /** The process ended by itself. */
  readonly ended: boolean;
  readonly started: boolean;
}

/** Waits until the error has been met and something came of it. */
async function meet(gateway: GatewayProcess, load: MailLoad, trace: string): Promise<Met> {
  const started = await gateway.ready;
  let acceptedAtError: number | null = null;
  const isMet = (): boolean => existsSync(trace) && readFileSync(trace, "latin1").includes("(INJECTED)");
  const deadline = performance.now() + meetWithinMs;
  for (;;) {
    if (gateway.exit !== null) return { met: isMet(), ended: true, started };
    if (acceptedAtError === null && isMet()) acceptedAtError = load.accepted.length;
    if (acceptedAtError !== null && load.accepted.length >= acceptedAtError + goesOnAfter) return { met: true, ended: false, started };
    if (performance.now() > deadline) {
      assert.equal(acceptedAtError, null, `after the error nothing was accepted any more:\n${gateway.log.slice(-3000)}`);
      return { met: false, ended: false, started };
    }
    await delay(20);
  }
}
