import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { QuotaView } from "../../src/admin/quota-contract.ts";
import { openControl } from "../../src/cli/control.ts";
import { postern } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { RelaySink } from "../support/relay-sink.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const limit = 20;
const sent = 25;

test(
  "mail fills a limit and waits; who used it is seen, it is told once, known after kill -9, and a reload that raises it frees the rest",
  {
    timeout: 120_000,
  },
  async () => {
    using folder = temporaryFolder();
    await using sink = await RelaySink.open();
    const [port, console] = [await freePort(), await freePort()];
    const place: GatewayPlace = { folder: folder.path, data: join(folder.path, "data"), config: join(folder.path, "postern.yaml"), port };
    const configure = (amount: number): void =>
      writeFileSync(
        place.config,
        `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, address: 127.0.0.1, port: ${port} }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: sink, kind: smtp, host: 127.0.0.1, port: ${sink.port}, allowPrivate: true, tls: none }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [sink] }] }
limits: { rules: [{ name: hourly, unit: recipients, amount: ${amount}, per: 1h }], transactionalShare: 0%, bulkShare: 0% }
queue: { freeSpaceReserve: 1MB }
http: { console: { address: 127.0.0.1, port: ${console} } }
`,
      );
    configure(limit);
    const run = (...args: readonly string[]) => postern([...args, "--data", place.data]);
    const hourly = async () => {
      const { limits } = await openControl(place.data).get<QuotaView>("/api/quota", { rule: "limits.hourly" });
      return { ...limits[0], counter: limits[0]?.counters[0] };
    };
    {
      await using gateway = await GatewayProcess.ready(place);
      using dialog = await SmtpDialog.open(port);
      await dialog.reply();
      await dialog.say("EHLO test.contoso.example");
      for (let n = 0; n < sent; n++) {
        await dialog.say("MAIL FROM:<app@contoso.example>");
        await dialog.say(`RCPT TO:<r${n}@fabrikam.example>`);
        await dialog.say("DATA");
        dialog.send(Buffer.from("From: app@contoso.example\r\nSubject: hello\r\n\r\nHi\r\n.\r\n"));
        assert.match(await dialog.reply(), /^250 /);
      }
      await until("the limit is used", () => sink.relays.length === limit);
      await until("every attempt has ended", async () => (await hourly()).counter?.held === 0);
      const { counter, waits } = await hourly();
      assert.deepEqual([counter?.used, counter?.left], [limit, { transactional: 0, bulk: 0 }]);
      assert.deepEqual(counter?.principals, [{ principal: "net:loopback", share: 1 }]);
      assert.ok((waits ?? 0) > 0);
      assert.match(
        (await run("quota")).stdout,
        /^█{20} {2}100 % {2}limits\.hourly .* 20 of 20 recipients in 1h +0 +\S+.* net:loopback 100 %$/m,
      );
      assert.equal((await run("queue", "--count")).stdout, `${sent - limit}\n`);
      const metrics = await (await fetch(`http://127.0.0.1:${console}/metrics`)).text();
      assert.match(metrics, /^postern_quota_used_ratio\{rule="limits\.hourly",counted=""\} 1$/m);
      assert.match(metrics, /^postern_limit_waits_total\{rule="limits\.hourly"\} [1-9]/m);
      const told = [...gateway.log.matchAll(/"share":([\d.]+),.*"fact":"near-limit"/g)].map(([, share]) => Number(share));
      assert.deepEqual(told, [0.8, 0.95, 1]);
      await gateway.kill();
    }
    await using gateway = await GatewayProcess.ready(place);
    // What the crash may have forgotten counts as used: it is never less, and here no more fits.
    assert.ok(((await hourly()).counter?.used ?? 0) >= limit);
    assert.equal(sink.relays.length, limit);
    configure(100);
    assert.match((await run("reload")).stdout, /in force: .*limits/);
    await until("the rest has gone", () => sink.relays.length === sent);
    assert.ok(((await hourly()).counter?.used ?? 0) >= sent);
    assert.match((await run("quota", "reputation")).stdout, /^contoso\.example +sink +\d{4}-\d\d-\d\d +\d+ +0 +0 +0 +0\.00 % +0\.00 %$/m);
    await gateway.stop();
  },
);
