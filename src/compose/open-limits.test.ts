import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../test/support/until.ts";
import { parseGatewayConfig } from "../config/config.ts";
import { PolicyClock } from "../lib/clock.ts";
import type { JournalContents, JournalEntry, LimitJournal } from "../limits/journal.ts";
import type { AdmissionRequest } from "../limits/limits.ts";
import { openLimits } from "./open-limits.ts";

/** What the ledger wrote, given back to the next one. */
class KeptJournal implements LimitJournal {
  #contents: JournalContents = { anchor: null, marks: [] };

  load(): Promise<JournalContents> {
    return Promise.resolve(this.#contents);
  }

  write({ anchor, marks, replacesAll }: JournalEntry): Promise<void> {
    const kept = replacesAll === true ? [] : this.#contents.marks.filter((old) => !marks.some(({ chunk }) => chunk === old.chunk));
    this.#contents = { anchor, marks: [...kept, ...marks.filter(({ units }) => units > 0)] };
    return Promise.resolve();
  }
}

function configOf(tenant: string) {
  const text = `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: mailbox, kind: smtp-auth, auth: { user: app@contoso.example, secret: { env: S } } }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [mailbox] }] }
tenant: ${tenant}
services: { smtp-auth: { messages-per-minute: { value: unlimited, reason: test } } }
`;
  return parseGatewayConfig(text, "/", { env: { S: "x" } }).config;
}

const parts = { onTrouble: assert.ifError };

function request(count: number, now: number): AdmissionRequest {
  const recipients = Array.from({ length: count }, (_, n) => `r${n}@fabrikam.example`);
  return {
    route: "mailbox",
    principal: "app",
    priority: "transactional",
    sender: "app@contoso.example",
    reversePath: "app@contoso.example",
    recipients,
    external: count,
    size: 1000,
    now,
  };
}

test("a trial tenant's external recipients: 5,000, 500 from the day on, and what was used is known after a restart", async () => {
  using clock = new PolicyClock();
  clock.set(Date.parse("2026-09-13T20:00:00Z"));
  const journal = new KeptJournal();
  {
    await using limits = await openLimits(configOf("{ trial: true }"), { ...parts, clock, journal });
    const first = limits.ledger.admit(request(450, clock.now()));
    assert.ok(first.ok);
    await first.ready;
    limits.ledger.settle(first.reservation, { now: clock.now(), taken: 450, refused: 0, asked: true });
    clock.set(Date.parse("2026-09-14T00:00:00Z"));
    const amount = () => limits.ledger.usage(clock.now()).find(({ rule }) => rule.id === "tenant.external-recipients")?.amount;
    await until("the limit of the new day", () => amount() === 500);
    const more = limits.ledger.admit(request(100, clock.now()));
    assert.ok(!more.ok);
    assert.equal(more.limit.id, "tenant.external-recipients");
    assert.equal(more.limit.amount, 500);
  }
  await using again = await openLimits(configOf("{ trial: true }"), { ...parts, clock, journal });
  assert.ok(!again.ledger.admit(request(100, clock.now())).ok, "450 of 500 are used");
  assert.equal(again.reconfigure(configOf("{ licences: 1 }")), true);
  const paid = again.ledger.admit(request(100, clock.now()));
  assert.ok(paid.ok, "the same account, a higher limit");
  await paid.ready;
  again.ledger.settle(paid.reservation, { now: clock.now(), taken: 0, refused: 0, asked: false });
});
