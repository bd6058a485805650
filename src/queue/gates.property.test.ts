import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openLimitedWorld } from "../../test/support/queue-world.ts";
import { relayed, ScriptedRoute } from "../../test/support/scripted-route.ts";
import { minuteMs, ruleOf } from "../limits/support.ts";
import type { LimitRule } from "../limits/rule.ts";
import { failure } from "../mail/failure-codes.ts";

/** Random limits on two routes, random mail of several principals, with refusals on the way; a third route has no limit. */
const scenario = fc.record({
  limits: fc.array(
    fc.record({
      amount: fc.integer({ min: 2, max: 25 }),
      windowMs: fc.integer({ min: 5_000, max: 4 * minuteMs }),
      spread: fc.boolean(),
      unit: fc.constantFrom("messages" as const, "recipients" as const, "external-recipients" as const),
      scope: fc.constantFrom([] as const, [] as const, ["principal"] as const, ["sender-recipient"] as const),
      routes: fc.constantFrom(["one"], ["two"], ["one", "two"]),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  batches: fc.array(
    fc.record({
      messages: fc.integer({ min: 1, max: 30 }),
      recipients: fc.integer({ min: 1, max: 4 }),
      principal: fc.constantFrom("a", "b", "c"),
      bulk: fc.boolean(),
      domain: fc.constantFrom("contoso.example", "fabrikam.example", "d1.example", "d2.example"),
      pauseMs: fc.constantFrom(0, 0, 500, 20_000, 90_000),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  overflow: fc.boolean(),
  /** Every so many-th recipient is delayed once. */
  troubleEvery: fc.integer({ min: 3, max: 40 }),
});

test("whatever the limits and the mail: no limit is broken, nothing starves, and a route without limits is never kept waiting", async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ limits, batches, overflow, troubleEvery }) => {
      const delivered: { at: number; route: string; principal: string; address: string }[] = [];
      const transactions: { at: number; route: string; principal: string }[] = [];
      let tried = 0;
      const open = (name: string) =>
        new ScriptedRoute(
          name,
          ({ recipients }, { address }) => {
            if (++tried % troubleEvery === 0 && name !== "free") return { action: "delayed", failure: failure("remote.mailbox-full") };
            const principal = address.slice(0, 1);
            delivered.push({ at: clock.now(), route: name, principal, address });
            if (recipients[0]?.address === address) transactions.push({ at: clock.now(), route: name, principal });
            return relayed;
          },
          { concurrency: 3 },
        );
      const routes = [open("one"), open("two"), open("free")];
      const rules: LimitRule[] = limits.map(({ amount, windowMs, spread, unit, scope, routes: names }, n) =>
        ruleOf({
          id: `rule.${n}`,
          amount,
          windowMs,
          unit,
          scope,
          burst: spread ? Math.max(1, Math.floor(amount / 4)) : amount,
          shares: { transactional: 0.01, bulk: 0.1 },
          routes: names.map((name) => ({ name, counted: "all" })),
        }),
      );
      await using world = await openLimitedWorld({
        routes,
        limits: rules,
        rules: [
          { name: "free", when: { recipientDomains: ["free.example"] }, routes: ["free"] },
          { name: "rest", routes: ["one", "two"], overflow },
        ],
        options: { retry: { firstMs: 1000, factor: 1, longestMs: 1000, jitter: 0 }, delayNoticeMs: 0 },
      });
      const { clock } = world;
      let sent = 0;
      let free = 0;
      for (const { messages, recipients, principal, bulk, domain, pauseMs } of batches) {
        for (let n = 0; n < messages; n++) {
          const to = Array.from({ length: recipients }, (_, r) => `${principal}${(n * recipients + r) % 7}-${r}@${domain}`);
          await world.send({ to, principal, ...(bulk ? { priority: "bulk" as const } : {}) });
          sent += recipients;
        }
        await world.send({ to: [`${principal}@free.example`], principal });
        free++;
        await world.queue.dispatcher.atRest();
        assert.equal(delivered.filter(({ route }) => route === "free").length, free, "mail by the route without limits has gone");
        assert.ok(world.opened.store.totals().leased <= 1000);
        await world.advance(pauseMs);
      }
      // As long as the slowest limit needs for all of it, and some rounds of retries.
      const slowest = Math.max(...rules.map(({ amount, windowMs }) => Math.ceil(sent / Math.max(1, amount - 2) + 2) * windowMs));
      for (let waited = 0; waited < slowest * 2 && delivered.length < sent + free; waited += slowest / 20)
        await world.advance(slowest / 20);
      assert.equal(world.opened.store.totals().relayed, sent + free, "everything has gone");
      for (const [n, rule] of rules.entries()) {
        const counted = rule.routes.map(({ name }) => name);
        const events =
          rule.unit === "messages" && rule.scope[0] !== "sender-recipient"
            ? transactions.map((one) => ({ ...one, key: "" }))
            : delivered
                .filter(({ address }) => rule.unit !== "external-recipients" || !address.endsWith("@contoso.example"))
                .map((one) => ({ ...one, key: one.address }));
        const keyOf = ({ principal, key }: (typeof events)[number]) =>
          rule.scope[0] === "principal" ? principal : rule.scope[0] === "sender-recipient" ? key : "";
        const ofRule = events.filter(({ route }) => counted.includes(route));
        for (const same of Map.groupBy(ofRule, keyOf).values()) {
          const times = same.map(({ at }) => at).sort((a, b) => a - b);
          for (let i = rule.amount; i < times.length; i++) {
            const span = (times[i] as number) - (times[i - rule.amount] as number);
            assert.ok(span >= rule.windowMs, `limit ${n} ${JSON.stringify(rule)}: ${rule.amount + 1} within ${span} ms`);
          }
        }
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
});
