import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import { until } from "../../../test/support/until.ts";
import { Dialer } from "../../lib/dial.ts";
import type { Dns } from "../../lib/dns/dns.ts";
import { systemResolver } from "../../lib/resolver.ts";
import { silentRouteLog } from "../route-log.ts";
import { createServiceRoute } from "./service-route.ts";

test("a host that the domain names no longer: its connections are closed, and its SIZE says nothing any more", async () => {
  const say = (size: number) =>
    `${hello.replace("1000000", String(size))}
    begin
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 250 ok
    loop`;
  await using before = await ScriptedSmtpServer.start(say(1_000_000));
  await using after = await ScriptedSmtpServer.start(say(2_000_000));
  // One port for all servers of a domain: here the dialer's map tells them apart.
  let exchange = "before.example";
  const mx = () => Promise.resolve({ records: [{ preference: 10, exchange }], authentic: false, noSuchName: false, ttl: 60 });
  const hosts = new Map([
    ["before.example:25", { host: "127.0.0.1", port: before.port }],
    ["after.example:25", { host: "127.0.0.1", port: after.port }],
  ]);
  const options = { kind: "direct-send", port: 25, helloName: "gateway.contoso.example" } as const;
  await using route = createServiceRoute(
    { name: "relay", tls: "none", allowPrivate: true, domain: "contoso.example", ...options },
    {
      dialer: new Dialer(systemResolver, hosts),
      dns: { mx } as unknown as Dns,
      log: silentRouteLog,
      now: () => 1000,
      tokens: null,
      isAccepted: () => true,
      // What is published would hold before what the hosts say.
      overrides: new Map([["direct-send.message-size", null]]),
    },
  );
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  assert.equal(before.open, 1, "kept for the next message");
  assert.equal(route.traits.maxSize, 1_000_000);
  exchange = "after.example";
  assert.equal(told(only(await route.deliver(makeTransaction({ id: 2 }), never))), "relayed");
  assert.equal(route.traits.maxSize, 2_000_000);
  await until("the old connection is closed", () => before.open === 0);
  assert.equal(after.open, 1);
});
