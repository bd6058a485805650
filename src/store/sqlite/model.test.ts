import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Settlement, Totals, WaitingState } from "../../queue/store.ts";
import { auditStore } from "./audit.ts";
import { acceptOf, openTest, recipientOf, scratch } from "./support.ts";

/** The store beside a model of a few lines: random calls, some of which must fail, then the same state in both. */

interface ModelRecipient {
  state: keyof Omit<Totals, "messages" | "accepted">;
  lane: number;
  notBefore: number;
}

class Model {
  readonly waiting = new Map<number, ModelRecipient[]>();
  readonly finished: Record<string, number> = { relayed: 0, failed: 0, expired: 0, cancelled: 0 };
  accepted = 0;

  /** null when the call must be refused. */
  settle(id: number, settlements: readonly Settlement[]): boolean {
    const recipients = this.waiting.get(id);
    if (recipients === undefined) return false;
    const after = recipients.map((recipient) => ({ ...recipient }));
    for (const { n, from, to, notBefore, lane } of settlements) {
      const recipient = after[n];
      if (recipient === undefined || recipient.state !== from) return false;
      recipient.state = to;
      recipient.notBefore = notBefore ?? recipient.notBefore;
      recipient.lane = lane ?? recipient.lane;
    }
    this.waiting.set(id, after);
    this.#close(id);
    return true;
  }

  claim(lane: number, now: number, max: number): string[] {
    const due = [...this.waiting].flatMap(([id, recipients]) => recipients.map((recipient, n) => ({ id, n, recipient })));
    const waiting = due
      .filter(({ recipient }) => recipient.state === "queued" && recipient.lane === lane && recipient.notBefore <= now)
      .sort((a, b) => a.recipient.notBefore - b.recipient.notBefore || a.id - b.id || a.n - b.n);
    const last = waiting[max - 1]?.id;
    const taken = waiting.filter(({ id }, place) => place < max || id === last);
    for (const { recipient } of taken) recipient.state = "leased";
    return taken.map(({ id, n }) => `${id}/${n}`).sort();
  }

  change(from: readonly WaitingState[], to: "held" | "queued" | "cancelled", ids: readonly number[] | undefined): number {
    let changed = 0;
    for (const [id, recipients] of [...this.waiting]) {
      if (ids !== undefined && !ids.includes(id)) continue;
      for (const recipient of recipients) {
        if (!from.includes(recipient.state as WaitingState)) continue;
        recipient.state = to;
        changed++;
      }
      this.#close(id);
    }
    return changed;
  }

  totals(): Totals {
    const counts = { queued: 0, leased: 0, inDoubt: 0, held: 0, relayed: 0, failed: 0, expired: 0, cancelled: 0, ...this.finished };
    for (const recipients of this.waiting.values()) for (const { state } of recipients) counts[state]++;
    return { ...counts, messages: this.waiting.size, accepted: this.accepted };
  }

  #close(id: number): void {
    const recipients = this.waiting.get(id) ?? [];
    if (recipients.some(({ state }) => !(state in this.finished))) return;
    for (const { state } of recipients) this.finished[state] = (this.finished[state] ?? 0) + 1;
    this.waiting.delete(id);
  }
}

const waiting = fc.constantFrom<WaitingState>("queued", "leased", "inDoubt", "held");
const settlement = fc.record({
  n: fc.nat(2),
  from: waiting,
  to: fc.constantFrom("queued", "leased", "inDoubt", "held", "relayed", "failed", "expired", "relayed", "relayed" as const),
  notBefore: fc.option(fc.nat(5), { nil: undefined }),
  lane: fc.option(fc.nat(2), { nil: undefined }),
});
/** Mostly what fits: `from` is taken from the model where `honest`. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("accept" as const),
      states: fc.array(fc.constantFrom("queued", "leased", "held" as const), { minLength: 1, maxLength: 3 }),
      lane: fc.nat(2),
      again: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      which: fc.nat(),
      honest: fc.boolean(),
      list: fc.uniqueArray(settlement, { minLength: 1, maxLength: 3, selector: ({ n }) => n }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("claim" as const), lane: fc.nat(2), now: fc.nat(5), max: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("change" as const),
      from: fc.uniqueArray(fc.constantFrom<WaitingState>("queued", "inDoubt", "held"), { minLength: 1 }),
      to: fc.constantFrom("held", "queued", "cancelled" as const),
      all: fc.boolean(),
      which: fc.nat(),
    }),
  },
);

test("random calls leave store and model in the same state", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await using place = await scratch();
      const model = new Model();
      {
        await using opened = await openTest(place.directory);
        const { store } = opened;
        const idOf = (which: number): number => [...model.waiting.keys()][which % Math.max(1, model.waiting.size)] ?? 999;
        let lastId = 0;
        // Calls are made without waiting, so that they share commits; the model follows in the order of the calls.
        const checks: Promise<void>[] = [];
        for (const each of steps) {
          switch (each.kind) {
            case "accept": {
              const refused = each.again && lastId > 0 && model.waiting.has(lastId);
              if (!refused) {
                lastId++;
                model.waiting.set(
                  lastId,
                  each.states.map((state) => ({ state, lane: each.lane, notBefore: lastId % 4 })),
                );
                model.accepted += each.states.length;
              }
              const recipients = each.states.map((state, n) => recipientOf(n, state, { lane: each.lane, notBefore: lastId % 4 }));
              checks.push(same(store.apply([acceptOf(lastId, recipients)]), !refused));
              break;
            }
            case "settle": {
              const id = idOf(each.which);
              const known = model.waiting.get(id);
              const list = each.list.map(({ notBefore, lane, ...rest }): Settlement => ({
                ...rest,
                from: each.honest && known?.[rest.n] !== undefined ? (known[rest.n]?.state as WaitingState) : rest.from,
                ...(notBefore === undefined ? {} : { notBefore }),
                ...(lane === undefined ? {} : { lane }),
              }));
              // `from` may be final where a recipient of a waiting message is done already: never legal.
              const legal = list.every(({ from }) => ["queued", "leased", "inDoubt", "held"].includes(from));
              if (!legal) break;
              checks.push(
                same(
                  store.apply([
                    { op: "settle", messageId: id, recipients: list, attempt: { at: 1, durationMs: 1, route: "r", remote: "m" } },
                  ]),
                  model.settle(id, list),
                ),
              );
              break;
            }
            case "claim": {
              const expected = model.claim(each.lane, each.now, each.max);
              checks.push(
                store.claim(each.lane, each.now, each.max).then(({ messages }) => {
                  assert.deepEqual(
                    messages.flatMap(({ message, recipients }) => recipients.map(({ n }) => `${message.id}/${n}`)).sort(),
                    expected,
                  );
                }),
              );
              break;
            }
            case "change": {
              const ids = each.all ? undefined : [idOf(each.which)];
              const expected = model.change(each.from, each.to, ids);
              const change = {
                filter: ids === undefined ? {} : { ids },
                from: each.from,
                to: each.to,
                event: { at: 1, what: each.to, text: "" },
                limit: 1000,
              };
              checks.push(store.change(change).then(({ changed }) => assert.equal(changed, expected)));
              break;
            }
          }
        }
        await Promise.all(checks);
        assert.deepEqual(store.totals(), model.totals());
      }
      auditStore(place.directory);
    }),
    { numRuns: 40 },
  );
});

async function same(call: Promise<void>, accepted: boolean): Promise<void> {
  assert.equal(
    await call.then(
      () => true,
      () => false,
    ),
    accepted,
  );
}
