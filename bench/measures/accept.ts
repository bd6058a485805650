/**
 * Durable acceptance: how many messages a second get their 250 while nothing is relayed. Both peers run, and take turns. Each round has as
 * many messages as the peer accepts in a given time; afterwards its queue must hold exactly as many as got a 250, and is emptied.
 */
import { setTimeout as delay } from "node:timers/promises";
import { smtpSource } from "../load/smtp-source.ts";
import { listenForNoise } from "../machine/noise.ts";
import { quiet } from "../machine/machine.ts";
import type { Peer } from "../peers/peer.ts";
import type { Setting } from "../setting.ts";
import { takeTurns, type Turn } from "./comparison.ts";

export interface AcceptCell {
  readonly bytes: number;
  readonly sessions: number;
  readonly kept: boolean;
}

export interface AcceptRound extends Turn {
  readonly messages: number;
  readonly perSecond: number;
  readonly cpuSecondsPer1000: number;
  /** What the queue held afterwards less what got a 250: 0, or something is wrong. */
  readonly surplus: number;
}

/** Limits of a round, whatever the rate. */
const mostMessages = 60_000;
const mostBytes = 2 * 2 ** 30;

export async function measureAccept(peers: readonly [Peer, Peer], cell: AcceptCell, setting: Setting) {
  const sizes = new Map<Peer, number>();
  for (const peer of peers) sizes.set(peer, await calibrate(peer, cell, setting));
  return await takeTurns(peers, setting.rounds, async (peer, round) => {
    const result = await acceptRound(peer, cell, sizes.get(peer) ?? 1, setting);
    setting.progress(
      `round ${round + 1} ${peer.name.padEnd(7)} ${result.perSecond.toFixed(0).padStart(6)}/s  ${result.messages} messages, ` +
        `CPU ${result.cpuSecondsPer1000.toFixed(2)} s/1000, others ${(100 * result.noise).toFixed(0)} %` +
        (result.surplus === 0 ? "" : `  QUEUE HOLDS ${result.messages + result.surplus} OF ${result.messages}`),
    );
    return result;
  });
}

/** How many messages the peer accepts in the time of a round; also warms it up. */
async function calibrate(peer: Peer, { bytes, sessions, kept }: AcceptCell, setting: Setting): Promise<number> {
  let messages = Math.max(2 * sessions, 50);
  for (;;) {
    const { seconds } = await smtpSource({ port: peer.port, messages, bytes, sessions, kept }, setting.signal);
    await peer.purge();
    if (seconds > Math.min(0.4, setting.secondsPerRound / 2) || messages * bytes > mostBytes / 4 || messages > mostMessages / 4) {
      const wanted = Math.round((messages / seconds) * setting.secondsPerRound);
      return Math.max(2 * sessions, Math.min(wanted, mostMessages, Math.floor(mostBytes / bytes)));
    }
    messages *= 4;
  }
}

async function acceptRound(peer: Peer, cell: AcceptCell, messages: number, setting: Setting): Promise<AcceptRound> {
  const before = await peer.queued();
  await quiet(setting.quietMs, setting.signal);
  const cpuBefore = peer.group.cpuSeconds();
  const noise = listenForNoise(() => peer.group.cpuSeconds());
  const sent = await smtpSource({ ...cell, port: peer.port, messages }, setting.signal);
  const cpuSeconds = peer.group.cpuSeconds() - cpuBefore;
  const share = noise.share(sent.cpuSeconds);
  const surplus = (await peer.queued()) - before - messages;
  await peer.purge();
  await delay(100, undefined, { signal: setting.signal });
  return {
    messages,
    perSecond: messages / sent.seconds,
    cpuSecondsPer1000: (cpuSeconds / messages) * 1000,
    noise: share,
    surplus,
  };
}
