import assert from "node:assert/strict";
import { test } from "node:test";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { until } from "../../test/support/until.ts";
import { parseGatewayConfig } from "../config/config.ts";
import { PolicyClock } from "../lib/clock.ts";
import { DnsClient } from "../lib/dns/dns-client.ts";
import type { LimitAlert } from "../limits/limit-alerts.ts";
import { pointMs } from "../limits/usage-history.ts";
import { openTest } from "../store/sqlite/support.ts";
import { openQuota, type OpenQuota } from "./open-quota.ts";
import { openReputation } from "./open-reputation.ts";

const { config } = parseGatewayConfig(
  `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: tenant, kind: connector, domain: contoso.example }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [tenant] }] }
limits: { rules: [{ name: newsletter, unit: recipients, amount: 100, per: 1d }] }
`,
  "/",
);

async function send(quota: OpenQuota, clock: PolicyClock, count: number): Promise<void> {
  const recipients = Array.from({ length: count }, (_, n) => `r${n}@fabrikam.example`);
  const admission = quota.ledger.admit({
    route: "tenant",
    principal: "erp",
    priority: "transactional",
    sender: "news@contoso.example",
    reversePath: "news@contoso.example",
    recipients,
    external: count,
    size: 1000,
    now: clock.now(),
  });
  assert.ok(admission.ok);
  await admission.ready;
  quota.ledger.settle(admission.reservation, { now: clock.now(), taken: count, refused: 0, asked: true });
}

test("the account, its history and an import are there after a restart; 80 % are told", { timeout: 30_000 }, async () => {
  using folder = temporaryFolder();
  using clock = new PolicyClock();
  const start = Date.parse("2026-11-21T12:01:00Z");
  clock.set(start);
  const alerts: LimitAlert[] = [];
  const dns = new DnsClient({ servers: [{ host: "127.0.0.1", port: 9 }], trusted: false, timeoutMs: 100 }, () => clock.now());
  const open = async (): Promise<OpenQuota & { readonly close: () => Promise<void> }> => {
    await using opening = new AsyncDisposableStack();
    const { store } = opening.use(await openTest(folder.path));
    const reputation = opening.use(await openReputation(folder.path, { now: () => clock.now(), onTrouble: assert.ifError }));
    const quota = opening.use(
      await openQuota(config, folder.path, {
        clock,
        journal: store.limitJournal,
        dns,
        reputation,
        onChanged: () => undefined,
        alert: (alert) => alerts.push(alert),
        onTrouble: (where, error) => assert.fail(`${where}: ${String(error)}`),
      }),
    );
    const open = opening.move();
    return { ...quota, close: () => open.disposeAsync() };
  };
  const newsletter = (quota: OpenQuota) => quota.control.limits({ rule: "limits.newsletter" })[0]?.counters[0];
  {
    const quota = await open();
    await send(quota, clock, 85);
    assert.deepEqual(
      alerts.map((alert) => (alert.kind === "near-limit" ? [alert.rule, alert.share, alert.used] : alert)),
      [["limits.newsletter", 0.8, 85]],
    );
    assert.equal(quota.control.alerts().length, 1);
    assert.equal(await quota.control.observe("limits.newsletter", 95), true);
    assert.equal(await quota.control.observe("limits.other", 95), false);
    clock.set(start + pointMs);
    await until(
      "the quarter of an hour is over",
      () => quota.control.history({ most: 9, rule: "limits.newsletter" })[0]?.points.length === 2,
    );
    await quota.close();
  }
  const again = await open();
  const usage = newsletter(again);
  assert.deepEqual([usage?.used, usage?.foreign], [85, 10]);
  const [series] = again.control.history({ most: 9, rule: "limits.newsletter" });
  assert.deepEqual(series?.points, [
    { at: Date.parse("2026-11-21T12:00:00Z"), used: 85, foreign: 10 },
    { at: Date.parse("2026-11-21T12:15:00Z"), used: 85, foreign: 10 },
  ]);
  assert.equal(await again.control.forget("limits.newsletter"), 1);
  await again.close();
  const last = await open();
  assert.deepEqual([newsletter(last)?.used, newsletter(last)?.foreign], [85, 0]);
  await last.close();
});
