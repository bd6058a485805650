import assert from "node:assert/strict";
import { test } from "node:test";
import { DnsServer } from "../../test/support/dns-server.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { until } from "../../test/support/until.ts";
import { parseGatewayConfig } from "../config/config.ts";
import type { BulkSenderWarning } from "../limits/bulk-sender-warning.ts";
import { DnsClient } from "../lib/dns/dns-client.ts";
import { PolicyClock } from "../lib/clock.ts";
import { watchBulkSenders } from "./bulk-senders.ts";
import { openLimits } from "./open-limits.ts";
import { openReputation } from "./open-reputation.ts";

const { config } = parseGatewayConfig(
  `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: 2525 }]
networks: [{ name: office, addresses: [10.0.0.0/8], reversePaths: ["@contoso.example"] }]
routes: [{ name: tenant, kind: connector, domain: contoso.example }]
routing: { acceptedDomains: [contoso.example], rules: [{ name: all, routes: [tenant] }] }
tenant: { licences: 1000 }
`,
  "/",
);

test(
  "4,000 of 5,000 to Gmail warn of what is missing; 5,000 make a bulk sender, held it is never, and told once",
  { timeout: 30_000 },
  async () => {
    using folder = temporaryFolder();
    using clock = new PolicyClock();
    clock.set(Date.parse("2026-11-21T12:00:00Z"));
    await using server = await DnsServer.withZone({ "contoso.example TXT": ["v=spf1 include:spf.protection.outlook.com -all"] });
    const dns = new DnsClient({ servers: [server.place], trusted: false, timeoutMs: 2000 }, () => clock.now());
    await using reputation = await openReputation(folder.path, { now: () => clock.now(), onTrouble: assert.ifError });
    const warnings: BulkSenderWarning[] = [];
    const onThreshold = watchBulkSenders(config, {
      reputation,
      dns,
      now: () => clock.now(),
      warn: (warning) => warnings.push(warning),
      onTrouble: (error) => warnings.push(error as never),
    });
    const journal = { load: () => Promise.resolve({ anchor: null, marks: [] }), write: () => Promise.resolve() };
    await using limits = await openLimits(config, { clock, journal, onThreshold, onTrouble: assert.ifError });
    let sent = 0;
    const send = async (count: number, domain = "gmail.com", sender = "news@contoso.example"): Promise<void> => {
      for (let left = count; left > 0; left -= 100) {
        const admission = limits.ledger.admit({
          route: "tenant",
          principal: "shop",
          priority: "bulk",
          sender,
          reversePath: sender,
          recipients: Array.from({ length: 100 }, () => `r${sent++}@${domain}`),
          external: 100,
          size: 1000,
          now: clock.now(),
        });
        assert.ok(admission.ok, "a threshold holds nothing");
        await admission.ready;
        limits.ledger.settle(admission.reservation, { now: clock.now(), taken: 100, refused: 0, asked: true });
      }
    };
    await send(3900);
    await send(2000, "fabrikam.example");
    assert.deepEqual(warnings, [], "below, and other receivers");
    await send(200);
    const missing = [
      "DKIM: there is no key at selector1._domainkey.contoso.example or selector2._domainkey.contoso.example",
      "DMARC: there is no record at _dmarc.contoso.example",
    ];
    const common = { domain: "contoso.example", provider: "Gmail", amount: 5000, unchecked: [] };
    await until("the warning", () => warnings.length > 0);
    assert.deepEqual(warnings, [{ ...common, used: 4000, reached: false, missing }]);
    assert.equal(reputation.bulkSince("receivers.gmail-bulk", "contoso.example"), null);
    await send(1000);
    await until("that it is one", () => warnings.some(({ reached }) => reached));
    assert.equal(reputation.bulkSince("receivers.gmail-bulk", "contoso.example"), "2026-11-21");
    clock.set(clock.now() + 2 * 86_400_000);
    await send(4500);
    await send(4500, "gmail.com", "news@fabrikam.example");
    await until("that of another domain, asked for after", () => warnings.some(({ domain }) => domain === "fabrikam.example"));
    assert.deepEqual(
      warnings.map(({ domain, used }) => [domain, used]),
      [
        ["contoso.example", 4000],
        ["contoso.example", 5000],
        ["fabrikam.example", 4000],
      ],
      "who is one for good is not warned any more",
    );
  },
);
