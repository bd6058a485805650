/**
 * Accepted and relayed end to end: from the first connection until the sink has counted the last message. Each round starts its peer anew
 * with an empty queue, and only one peer runs at a time. Fewer messages at the sink than were sent are told as ONLY, more as DUPLICATES.
 */
import { setTimeout as delay } from "node:timers/promises";
import { smtpSource } from "../load/smtp-source.ts";
import { openSink } from "../load/sink.ts";
import { quiet } from "../machine/machine.ts";
import { listenForNoise } from "../machine/noise.ts";
import type { Peer } from "../peers/peer.ts";
import type { Setting } from "../setting.ts";
import { takeTurns, type Turn } from "./comparison.ts";

export interface RelayCell {
  readonly messages: number;
  readonly bytes: number;
  readonly sessions: number;
  /** Directly to MX and signed, where the peer can: the port of the name server. */
  readonly signedBy?: number;
}

export interface RelayRound extends Turn {
  readonly perSecond: number;
  readonly acceptedPerSecond: number;
  /** Counted until two seconds after the last message, so that what a peer puts off counts too. */
  readonly cpuSecondsPer1000: number;
  readonly peakPssBytes: number;
  /** Messages that never came. */
  readonly missing: number;
  readonly duplicates: number;
}

/** No message for so long: no more will come. Longer than any retry that a loopback connection should need. */
const patienceMs = 30_000;
const afterMs = 2000;

export async function measureRelay(peers: readonly [Peer, Peer], cell: RelayCell, setting: Setting) {
  return await takeTurns(peers, setting.rounds, async (peer, round) => {
    const result = await relayRound(peer, cell, setting);
    setting.progress(
      `round ${round + 1} ${peer.name.padEnd(7)} ${result.perSecond.toFixed(0).padStart(6)}/s  accepted ${result.acceptedPerSecond.toFixed(0)}/s, ` +
        `CPU ${result.cpuSecondsPer1000.toFixed(2)} s/1000, PSS ${(result.peakPssBytes / 2 ** 20).toFixed(0)} MB, ` +
        `others ${(100 * result.noise).toFixed(0)} %${complaint(cell, result)}`,
    );
    return result;
  });
}

function complaint({ messages }: RelayCell, { missing, duplicates }: RelayRound): string {
  if (missing > 0) return `  ONLY ${messages - missing} OF ${messages}`;
  return duplicates > 0 ? `  ${duplicates} DUPLICATES` : "";
}

async function relayRound(peer: Peer, { messages, bytes, sessions, signedBy }: RelayCell, setting: Setting): Promise<RelayRound> {
  const { signal } = setting;
  await using sink = await openSink(setting.folder, bytes, signal);
  await peer.start(
    signedBy === undefined ? { kind: "relay", sinkPort: sink.port } : { kind: "signed", sinkPort: sink.port, dnsPort: signedBy },
  );
  try {
    const warmUp = 100;
    await smtpSource({ port: peer.port, messages: warmUp, bytes: 1024, sessions: 5, kept: true }, signal);
    await sink.reached(warmUp, patienceMs, signal);
    await quiet(setting.quietMs, signal);

    const base = sink.count();
    using memory = peer.group.watchMemory();
    const cpuBefore = peer.group.cpuSeconds();
    const noise = listenForNoise(
      () => peer.group.cpuSeconds(),
      () => sink.cpuSeconds(),
    );
    const begun = performance.now();
    const sending = smtpSource({ port: peer.port, messages, bytes, sessions, kept: true }, signal);
    const arriving = sink.reached(base + messages, patienceMs, signal);
    const [{ count, at }, sent] = await Promise.all([arriving, sending]);
    const relayed = Math.min(messages, count - base);
    const seconds = (at - begun) / 1000;
    const share = noise.share(sent.cpuSeconds);
    await delay(afterMs, undefined, { signal });
    return {
      perSecond: relayed / seconds,
      acceptedPerSecond: messages / sent.seconds,
      cpuSecondsPer1000: ((peer.group.cpuSeconds() - cpuBefore) / messages) * 1000,
      peakPssBytes: memory.peak().pssBytes,
      noise: share,
      missing: messages - relayed,
      duplicates: Math.max(0, sink.count() - base - messages),
    };
  } finally {
    await peer.stop();
  }
}
