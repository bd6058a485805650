/**
 * What a long queue costs: memory, start and dispatch with a million messages queued, beside a queue that holds only what is dispatched.
 * Both queues are started in turn. A round: start on the queue, time until connections are accepted and until the first message is at the
 * sink, the rate at which the following messages arrive there, and the highest resident size until then.
 */
import { execFile, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { CannotMeasure } from "../cannot-measure.ts";
import { openSink } from "../load/sink.ts";
import { smtpSource } from "../load/smtp-source.ts";
import { freeBytes, quiet } from "../machine/machine.ts";
import { listenForNoise } from "../machine/noise.ts";
import { Postern } from "../peers/postern.ts";
import type { Setting } from "../setting.ts";
import { mostTries, takeTurns, type Turn } from "./comparison.ts";

export interface DispatchRound extends Turn {
  /** From the execution of the start script until connections are accepted. */
  readonly listeningSeconds: number;
  /** Until the first message is at the sink. */
  readonly firstDispatchSeconds: number;
  readonly perSecond: number;
  readonly peakResidentBytes: number;
}

export interface BesideRound extends Turn {
  readonly perSecond: number;
}

export interface Backlog {
  /** With the large queue, and with one that holds only what is dispatched. */
  readonly dispatch: readonly [readonly DispatchRound[], readonly DispatchRound[]];
  /** Acceptance beside the large queue, and into an empty one. */
  readonly accept: readonly [readonly BesideRound[], readonly BesideRound[]];
  /** Once with nothing of the queue in the page cache. */
  readonly coldListeningSeconds: number;
}

const run = promisify(execFile);
const bytesPerMessage = 7500;
const spareBytes = 2 * 2 ** 30;
const patienceMs = 30_000;
const sessions = 50;

export async function measureBacklog(setting: Setting): Promise<Backlog> {
  const { folder, signal, backlog, dispatchMessages, rounds } = setting;
  const [warmUp, slack] = [Math.ceil(dispatchMessages / 10), 2000];
  const perRound = warmUp + dispatchMessages + slack;
  const needed = (backlog + rounds * perRound * mostTries) * bytesPerMessage + spareBytes;
  if (freeBytes(folder) < needed)
    throw new CannotMeasure(
      `${backlog} messages need ${gigabytes(needed)} in ${folder}, where ${gigabytes(freeBytes(folder))} are free: name another with --work`,
    );

  await using large = await Postern.open("postern-large", { folder, signal, keepSpool: true });
  await using small = await Postern.open("postern-small", { folder, signal, keepSpool: true });
  for (const peer of [large, small]) {
    // The first start writes the configuration.
    await peer.start({ kind: "held" });
    await peer.stop();
  }
  setting.progress(`filling a queue with ${backlog} messages`);
  // So many that the last round still finds the backlog.
  const filled = backlog + rounds * perRound * mostTries;
  await fill(large, filled, setting);
  const queued = await countQueued(large);
  if (queued !== filled) throw new CannotMeasure(`the queue was filled with ${filled} messages and holds ${queued}`);

  const dispatch = await takeTurns([large, small], rounds, async (peer, round) => {
    if (peer === small) {
      await refill(small, perRound, setting);
    }
    const result = await dispatchRound(peer, { warmUp, messages: dispatchMessages }, setting);
    setting.progress(
      `round ${round + 1} ${peer === large ? "large" : "small"} queue ${result.perSecond.toFixed(0).padStart(6)}/s  listening after ${result.listeningSeconds.toFixed(2)} s, ` +
        `first dispatch ${result.firstDispatchSeconds.toFixed(2)} s, peak ${(result.peakResidentBytes / 2 ** 20).toFixed(0)} MB, others ${(100 * result.noise).toFixed(0)} %`,
    );
    return result;
  });
  await refill(small, 0, setting);
  const accept = await takeTurns([large, small], rounds, async (peer, round) => {
    const result = await acceptRound(peer, dispatchMessages, setting);
    setting.progress(
      `round ${round + 1} ${peer === large ? "large" : "small"} queue, accepting ${result.perSecond.toFixed(0)}/s, others ${(100 * result.noise).toFixed(0)} %`,
    );
    return result;
  });
  await forgetPages(large.spool);
  await large.start({ kind: "held" });
  const coldListeningSeconds = large.startedWithinMs / 1000;
  await large.stop();
  return { dispatch, accept, coldListeningSeconds };
}

async function dispatchRound(
  peer: Postern,
  { warmUp, messages }: { readonly warmUp: number; readonly messages: number },
  setting: Setting,
): Promise<DispatchRound> {
  const { signal } = setting;
  await using sink = await openSink(setting.folder, 0, signal);
  await quiet(setting.quietMs, signal);
  const begun = performance.now();
  await peer.start({ kind: "relay", sinkPort: sink.port });
  try {
    const first = await sink.reached(1, patienceMs, signal);
    const from = await sink.reached(warmUp, patienceMs, signal);
    const noise = listenForNoise(
      () => peer.group.cpuSeconds(),
      () => sink.cpuSeconds(),
    );
    const to = await sink.reached(warmUp + messages, patienceMs, signal);
    if (to.count < warmUp + messages) throw new CannotMeasure(`only ${to.count} of ${warmUp + messages} queued messages were dispatched`);
    const { peakResidentBytes } = peer.group.memory();
    return {
      listeningSeconds: peer.startedWithinMs / 1000,
      firstDispatchSeconds: (first.at - begun) / 1000,
      perSecond: ((to.count - from.count) / (to.at - from.at)) * 1000,
      peakResidentBytes,
      noise: noise.share(0),
    };
  } finally {
    await peer.stop();
  }
}

async function acceptRound(peer: Postern, messages: number, setting: Setting): Promise<BesideRound> {
  await peer.start({ kind: "held" });
  try {
    const load = { port: peer.port, bytes: 4096, sessions, kept: true };
    await smtpSource({ ...load, messages: 500 }, setting.signal);
    const before = await peer.queued();
    await quiet(setting.quietMs, setting.signal);
    const noise = listenForNoise(() => peer.group.cpuSeconds());
    const { seconds, cpuSeconds } = await smtpSource({ ...load, messages }, setting.signal);
    const share = noise.share(cpuSeconds);
    const surplus = (await peer.queued()) - before - messages;
    if (surplus !== 0) throw new CannotMeasure(`the queue grew by ${messages + surplus} when ${messages} were accepted`);
    return { perSecond: messages / seconds, noise: share };
  } finally {
    await peer.stop();
  }
}

/** An empty directory with so many messages. */
async function refill(peer: Postern, messages: number, setting: Setting): Promise<void> {
  peer.clear();
  await peer.start({ kind: "held" });
  await peer.stop();
  await fill(peer, messages, setting);
}

async function fill(peer: Postern, messages: number, setting: Setting): Promise<void> {
  if (messages === 0) return;
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "fill.ts"), peer.spool, String(messages)],
    {
      stdio: ["ignore", "pipe", "inherit"],
      signal: setting.signal,
    },
  );
  createInterface(child.stdout).on("line", (line) => setting.progress(line));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject).once("close", resolve);
  const code = await promise;
  if (code !== 0) throw new CannotMeasure(`filling the queue ended with ${code ?? "a signal"}`);
  // What the kernel still has to write would be written while the next round is measured.
  await run("sync", ["-f", peer.spool]);
}

async function countQueued(peer: Postern): Promise<number> {
  await peer.start({ kind: "held" });
  const count = await peer.queued();
  await peer.stop();
  return count;
}

/** Writes back what is dirty and lets the kernel forget the files, as after a start of the machine. */
async function forgetPages(spool: string): Promise<void> {
  for (const entry of readdirSync(spool, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    await run("dd", [`of=${file}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"]);
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GB`;
}
