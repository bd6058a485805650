import assert from "node:assert/strict";
import type { StatusView } from "../../src/admin/contract.ts";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { loadSender, type SentMessage } from "../support/mail-load.ts";
import { isRefused, type RelaySink } from "../support/relay-sink.ts";
import { readStoredQueue } from "../support/stored-queue.ts";
import { contentOf, hashOf } from "../support/token-message.ts";
import { until } from "../support/until.ts";

export interface Reckoned {
  readonly acceptedMessages: number;
  readonly acceptedRecipients: number;
  /** Sent whole, but no reply came: stored or not, both are right. */
  readonly openMessages: number;
  readonly openFound: number;
  readonly refusedMessages: number;
  readonly relayedRecipients: number;
  /** Failures that the sender was told of. */
  readonly notifications: number;
  readonly duplicates: number;
  /** Recipients that were leased when a process ended: the bound of the duplicates. */
  readonly leasedAtEnds: number;
}

/** The account of one data directory over many lives of a gateway: what its clients were told against what the next hop got. */
export class Reckoning {
  /** `token recipient` → at how many ends it was leased. */
  readonly #leased = new Map<string, number>();

  /** After each unclean end, before the next start. */
  noteEnd(data: string): void {
    for (const key of readStoredQueue(data).leased) this.#leased.set(key, (this.#leased.get(key) ?? 0) + 1);
  }

  /** Lets a running gateway empty its queue and settles the account; throws AssertionError when it does not close. */
  async settle(gateway: GatewayProcess, sink: RelaySink, messages: readonly SentMessage[], drainMs: number): Promise<Reckoned> {
    const { totals, balance } = await until(
      "the queue drained",
      async () => {
        const now = await gateway.control.get<StatusView>("/api/status");
        return now.totals.messages === 0 && now;
      },
      { timeoutMs: drainMs, everyMs: 100 },
    );
    assert.deepEqual(balance, { ok: true, accepted: totals.accepted, accounted: totals.accepted });
    assert.equal(totals.relayed + totals.failed, totals.accepted, "all that was accepted is relayed, or refused by the next hop");
    checkContents(sink, messages);
    const counts = sink.counts();
    const accepted = messages.filter(({ state }) => state === "accepted");
    const lost = accepted.flatMap(keysOf).filter((key) => !counts.has(key));
    assert.deepEqual(lost, [], "accepted, but never relayed");
    let duplicates = 0;
    for (const [key, times] of counts) {
      const most = 1 + (this.#leased.get(key) ?? 0);
      assert.ok(times <= most, `${key} was relayed ${times} times, but leased at ${most - 1} ends`);
      duplicates += times - 1;
    }
    assert.equal(counts.size, totals.relayed, "what the queue calls relayed is what the next hop took");
    const open = messages.filter(({ state }) => state === "sent");
    // A failure and its notification are one commit: neither is there alone, and none is told of twice.
    const told = [...counts.keys()].filter((key) => key.endsWith(` ${loadSender}`)).length;
    assert.equal(told, totals.failed, "each failure has been told");
    return {
      acceptedMessages: accepted.length,
      acceptedRecipients: accepted.flatMap(keysOf).length,
      openMessages: open.length,
      openFound: open.filter((message) => counts.has(keysOf(message)[0] as string)).length,
      refusedMessages: messages.filter(({ state }) => state === "refused").length,
      relayedRecipients: counts.size,
      notifications: told,
      duplicates,
      leasedAtEnds: [...this.#leased.values()].reduce((sum, times) => sum + times, 0),
    };
  }
}

/** What the next hop must get for a message: itself for those whom it knows, a notification to the sender for the others. */
function keysOf({ token, recipients }: SentMessage): string[] {
  return recipients.map((recipient) => `${token} ${isRefused(recipient) ? loadSender : recipient}`);
}

/** Nothing that was not sent to its end, nothing that was refused, no other byte. */
function checkContents(sink: RelaySink, messages: readonly SentMessage[]): void {
  const known = new Map(messages.map((message) => [message.token, message]));
  for (const { token, hash, isDsn } of sink.relays) {
    const message = token === null ? undefined : known.get(token);
    assert.ok(message !== undefined, `${token} was never sent`);
    const { state, reply } = message;
    assert.ok(state === "accepted" || state === "sent", `${token} was relayed, but not sent to its end, or refused: ${state} ${reply}`);
    if (!isDsn) assert.equal(hash, hashOf(contentOf(message.token)), `the content of ${token}`);
  }
}
