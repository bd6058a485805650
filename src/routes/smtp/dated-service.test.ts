import assert from "node:assert/strict";
import { test } from "node:test";
import { startForeignSmtpServer } from "../../../test/support/foreign-smtp-server.ts";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import { until } from "../../../test/support/until.ts";
import { createAuthority, createServerCertificate } from "../../lib/certificates.ts";
import { Dialer } from "../../lib/dial.ts";
import type { Dns } from "../../lib/dns/dns.ts";
import { systemResolver } from "../../lib/resolver.ts";
import { silentRouteLog } from "../route-log.ts";
import type { Route } from "../route.ts";
import type { ServiceRouteOptions } from "./service-options.ts";
import { createServiceRoute } from "./service-route.ts";

const account = "app@contoso.example";
let now = 0;
const on = (day: string) => void (now = Date.parse(`${day}T12:00:00Z`));

function open(
  options: Partial<ServiceRouteOptions> & Pick<ServiceRouteOptions, "kind">,
  hosts: ReadonlyMap<string, { readonly host: string; readonly port: number }> = new Map(),
  overrides: ReadonlyMap<string, unknown> = new Map(),
): Route {
  return createServiceRoute(
    { name: "out", tls: "none", allowPrivate: true, helloName: "gateway.contoso.example", account, ...options },
    {
      dialer: new Dialer(systemResolver, hosts),
      dns: {} as Dns,
      log: silentRouteLog,
      now: () => now,
      tokens: null,
      isAccepted: () => true,
      overrides,
    },
  );
}

test("a date that passes while the route is open takes effect, and so does a clock that is moved back", async () => {
  // MS "High Volume Email": no external recipients from 2025-06 on (src/services/hve.ts).
  on("2025-05-31");
  await using route = open({ kind: "hve" });
  assert.equal(route.traits.external, true);
  on("2025-06-01");
  assert.equal(route.traits.external, false);
  assert.equal({ ...route.traits }.external, false);
  on("2025-05-31");
  assert.equal(route.traits.external, true);
});

test("a service that moves to another host is found there from its day on, and the old connections are closed", async () => {
  const script = `${hello}
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
  await using before = await ScriptedSmtpServer.start(script);
  await using after = await ScriptedSmtpServer.start(script);
  const hosts = new Map([
    ["smtp-hve.office365.com:587", { host: "127.0.0.1", port: before.port }],
    ["smtp.hve.mx.microsoft:587", { host: "127.0.0.1", port: after.port }],
  ]);
  on("2026-03-30");
  await using route = open({ kind: "hve" }, hosts);
  const send = async (id: number) => {
    const delivery = await route.deliver(makeTransaction({ id, from: account, text: `From: ${account}\r\n\r\nx\r\n` }), never);
    assert.equal(told(only(delivery)), "relayed");
    return delivery.session.remote;
  };
  assert.equal(await send(1), "smtp-hve.office365.com:587");
  assert.equal(before.open, 1);
  on("2026-03-31");
  assert.equal(await send(2), "smtp.hve.mx.microsoft:587");
  await until("the old connection is closed", () => before.open === 0);
  assert.deepEqual(
    route.nextHops?.().map(({ remote }) => remote),
    ["smtp.hve.mx.microsoft:587"],
  );
});

test("the lowest TLS version of the profile, or of the operator, is kept", async () => {
  const authority = await createAuthority("Test");
  const certificate = await createServerCertificate(authority, ["relay.contoso.example"]);
  on("2026-11-21");
  for (const [lowest, outcome] of [
    ["TLSv1.2", "relayed"],
    ["TLSv1.3", "delayed 7.5 route.tls-failed route"],
  ] as const) {
    await using server = await startForeignSmtpServer({ ...certificate, maxVersion: "TLSv1.2" });
    await using route = open(
      { kind: "smart-host", hosts: [`127.0.0.1:${server.port}`], tls: "required", ca: authority.cert, serverName: "relay.contoso.example" },
      new Map(),
      new Map([["smart-host.min-tls-version", lowest]]),
    );
    assert.equal(told(only(await route.deliver(makeTransaction(), never))), outcome);
  }
});
