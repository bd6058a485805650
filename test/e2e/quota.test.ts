import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { QuotaHistoryView, QuotaView } from "../../src/admin/quota-contract.ts";
import { openLimits } from "../../src/compose/open-limits.ts";
import { parseGatewayConfig } from "../../src/config/config.ts";
import { PolicyClock } from "../../src/lib/clock.ts";
import { openTest } from "../../src/store/sqlite/support.ts";
import { postern, type Finished } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Output of Get-LimitsEnforcementStatus | Format-List. */
const enforcement = (observed: number) =>
  `\r\nRule : TenantExternalRecipients\r\nObservedValue : ${observed}\r\nThreshold : 50000\r\nEnforcementEnabled : True\r\nVerdict : Allow\r\n`;

suite("what an administrator sees of the limits", { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  let place: GatewayPlace;
  let gateway: GatewayProcess;
  let console = 0;
  const run = (...args: readonly string[]): Promise<Finished> => postern(["quota", ...args, "--data", place.data]);
  const json = async <T>(...args: readonly string[]): Promise<T> => JSON.parse((await run(...args, "--json")).stdout) as T;
  const counter = async (rule: string) => (await json<QuotaView>("--rule", rule)).limits[0]?.counters[0];

  before(async () => {
    const [port, web] = [await freePort(), await freePort()];
    console = web;
    place = { folder: folder.path, data: join(folder.path, "data"), config: join(folder.path, "postern.yaml"), port };
    writeFileSync(
      place.config,
      `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, address: 127.0.0.1, port: ${port} }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: tenant, kind: connector, host: 127.0.0.1, port: 9, allowPrivate: true }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [tenant] }] }
tenant: { licences: 250 }
limits: { others: { tenant.external-recipients: 10% }, rules: [{ name: newsletter, unit: recipients, amount: 400, per: 1h }] }
http: { console: { address: 127.0.0.1, port: ${web} } }
`,
    );
    await use(place);
    gateway = await GatewayProcess.ready(place);
  });
  after(async () => {
    await gateway[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** The account that an earlier run has left: 300 recipients, half of them outside, half of them Bob. */
  async function use({ config: path, data }: GatewayPlace): Promise<void> {
    const { config } = parseGatewayConfig(readFileSync(path, "utf8"), path);
    await using opened = await openTest(data);
    using clock = new PolicyClock();
    await using limits = await openLimits(config, { clock, journal: opened.store.limitJournal, onTrouble: assert.ifError });
    for (let n = 0; n < 150; n++) {
      const admission = limits.ledger.admit({
        route: "tenant",
        principal: "erp",
        priority: "transactional",
        sender: "app@contoso.example",
        reversePath: "app@contoso.example",
        recipients: [`r${n % 30}@fabrikam.example`, "bob@contoso.example"],
        external: 1,
        size: 1000,
        now: clock.now(),
      });
      assert.ok(admission.ok);
      await admission.ready;
      limits.ledger.settle(admission.reservation, { now: clock.now(), taken: 2, refused: 0, asked: true });
    }
  }

  test("gauges, the fullest first; limits that are not used; one limit with all about it", async () => {
    const { stdout, code } = await run();
    assert.equal(code, 0);
    const lines = stdout.split("\n");
    assert.match(lines[0] ?? "", /^USED +LIMIT +COUNTED FOR +OF +LEFT +OTHERS +NEXT +ALL BACK +MOST BY$/);
    assert.match(lines[1] ?? "", /^█{15}·{5} {2}75 % {2}limits\.newsletter +all mail +300 of 400 recipients in 1h +100 +now +\S/);
    assert.match(stdout, /tenant\.external-recipients +tenant +150 of 33352 external recipients in 1d +29866 +3336 kept +now/);
    const order = lines.flatMap((line) => / (\d+) % /.exec(line)?.[1] ?? []).map(Number);
    assert.ok(order.length > 3 && order.every((each, n) => n === 0 || each <= (order[n - 1] as number)), order.join());
    assert.match(stdout, /Not used:\n(.*\n)* +receivers\.gmail-bulk +5000 recipients in 1d/);
    const one = await run("--rule", "tenant.received-per-hour", "--counted", "BOB@");
    assert.match(one.stdout, /tenant to bob@contoso\.example\n {2}used 150 of 3600\n/);
    assert.match(one.stdout, /documented: .*\n {2}routes: tenant; apart for each recipient\n/);
    assert.match(one.stdout, / comes back: \d+ by /);
    const { limits } = await json<QuotaView>("--route", "tenant", "--limit", "1");
    assert.ok(limits.every(({ counters, routes }) => counters.length <= 1 && routes.includes("tenant")));
    assert.equal((await run("--route", "nowhere")).code, 1);
    assert.match((await run("--rule", "nothing")).stderr, /no limit nothing in force/);
  });

  test("an import says what others use, as text or UTF-16; a correction forgets it; both are told", async () => {
    const file = join(folder.path, "status.txt");
    writeFileSync(file, Buffer.from(`\uFEFF${enforcement(27_000)}`, "utf16le"));
    const imported = await run("import", file);
    assert.match(imported.stdout, /^tenant\.external-recipients: 27000 of 33352 used in all, 26850 of them by other senders\n/);
    assert.match(imported.stdout, /The limit is 50000 there and 33352 here: .*services\.tenant\.external-recipients to \{ value: 50000,/);
    const known = await counter("tenant.external-recipients");
    assert.deepEqual([known?.used, known?.foreign], [150, 26_850]);
    assert.match((await run()).stdout, /▒ {2}|▒·/);
    assert.match((await run()).stdout, /Of late:\n {2}.*External recipients.*tenant: 80 %, 27000 of 33352 in 1d\./);
    assert.match(gateway.log, /"rule":"tenant\.external-recipients".*"share":0\.8.*"fact":"near-limit"/);
    const set = await run("correct", "tenant.external-recipients", "--used", "100");
    assert.match(set.stdout, /100 of 33352 used in all, 0 of them by other senders\nPostern alone has used 150/);
    writeFileSync(file, JSON.stringify({ ObservedValue: 500, Threshold: 33_352 }));
    assert.equal(
      (await run("import", file)).stdout,
      "tenant.external-recipients: 500 of 33352 used in all, 350 of them by other senders\n",
    );
    assert.equal((await run("correct", "tenant.external-recipients")).stdout, "forgotten of 1\n");
    assert.equal((await counter("tenant.external-recipients"))?.foreign, 0);
    assert.equal((await run("correct", "tenant.external-recipients")).code, 1);
    const many = await run("correct", "tenant.received-per-hour", "--used", "5");
    assert.deepEqual([many.code, /counted for many/.test(many.stderr)], [1, true]);
    assert.equal((await run("import", place.config)).code, 64);
    assert.equal((await run("import", join(folder.path, "none"))).code, 66);
  });

  test("history: with what is used now, and after a restart", async () => {
    const before = await json<QuotaHistoryView>("--history", "--rule", "limits.newsletter");
    assert.deepEqual(
      // Two, when a quarter of an hour has just ended.
      before.series.map(({ counted, amount, points }) => [counted, amount, [...new Set(points.map(({ used }) => used))]]),
      [["", 400, [300]]],
    );
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    gateway = await GatewayProcess.ready(place);
    const { stdout } = await run("--history");
    assert.match(stdout, /·{54,55}▆{1,2} {2}limits\.newsletter +all mail +300 of 400 on /);
    assert.deepEqual((await json<QuotaHistoryView>("--history", "--counted", "nobody")).series, []);
    assert.equal((await run("reputation")).stdout, "Nothing was sent in 90 days.\n");
  });

  test("metrics tell each limit and party, of recipients the fullest only, and no address; the page shows the fullest", async () => {
    const address = `http://127.0.0.1:${console}`;
    const metrics = await (await fetch(`${address}/metrics`)).text();
    const value = (name: string): number | undefined => {
      const line = metrics.split("\n").find((each) => each.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length));
    };
    assert.equal(value('postern_quota_used_ratio{rule="limits.newsletter",counted=""}'), 0.75);
    assert.equal(value('postern_quota_used{rule="tenant.external-recipients",counted="tenant"}'), 150);
    assert.equal(value('postern_quota_amount{rule="tenant.external-recipients"}'), 33_352);
    assert.equal(value('postern_quota_foreign{rule="tenant.external-recipients",counted="tenant"}'), 0);
    assert.equal(value('postern_quota_used{rule="tenant.received-per-hour",counted="tenant"}'), 150);
    assert.equal(value('postern_limit_waits_total{rule="limits.newsletter"}'), 0);
    assert.ok(!/@/.test(metrics), "an address");
    const token = readFileSync(join(place.data, "admin-token"), "utf8").trim();
    const page = await (await fetch(address, { headers: { authorization: `Bearer ${token}` } })).text();
    assert.match(page, /<meter [^>]*value="0\.75">75 %<\/meter> 75 %: 300 of\s+400 recipients in 1h/);
    assert.ok(!/style=/.test(page), "the page's policy allows no inline style");
  });

  test("over TCP the same needs the token, and a body that says two things is refused", async () => {
    const token = readFileSync(join(place.data, "admin-token"), "utf8").trim();
    const ask = (method: string, path: string, headers: Record<string, string>, body?: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const outgoing = request({ port: console, host: "127.0.0.1", method, path, headers, agent: false }, (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
        });
        outgoing.on("error", reject).end(body);
      });
    const bearer = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    assert.equal(await ask("GET", "/api/quota", {}), 401);
    assert.equal(await ask("GET", "/api/quota", bearer), 200);
    assert.equal(await ask("DELETE", "/api/quota/foreign?rule=tenant.external-recipients", {}), 401);
    assert.equal(await ask("DELETE", "/api/quota/foreign?rule=tenant.external-recipients", { authorization: bearer.authorization }), 200);
    const both = JSON.stringify({ text: enforcement(1), rule: "tenant.external-recipients", observed: 1 });
    assert.equal(await ask("POST", "/api/quota/foreign", bearer, both), 400);
    assert.equal(await ask("POST", "/api/quota/foreign", bearer, JSON.stringify({ rule: "limits.newsletter" })), 400);
    assert.equal(await ask("GET", "/api/quota/history?every=7m", bearer), 400);
    assert.equal(await ask("GET", "/api/quota?limit=1001", bearer), 400);
    assert.equal(await ask("GET", "/api/reputation?days=30", bearer), 200);
  });
});
