import assert from "node:assert/strict";
import { test } from "node:test";
import { DnsServer } from "../../../test/support/dns-server.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { mxRoute } from "../../../test/support/mx-route.ts";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never } from "../../../test/support/smtp-route.ts";

const zone = {
  "contoso.example MX": [
    { preference: 10, exchange: "a.contoso.example" },
    { preference: 20, exchange: "b.contoso.example" },
  ],
};
const ownDomains = ["contoso.example"];

test("a mail server of the organisation that answers shows that mail can leave; no message is begun", async () => {
  await using dns = await DnsServer.withZone(zone);
  await using server = await ScriptedSmtpServer.start(`${hello}\nC: QUIT\nS: 221 bye`);
  await using route = mxRoute(dns, { "a.contoso.example": { port: await freePort() }, "b.contoso.example": server }, {}, { ownDomains });
  const { ok, text, steps } = await route.probe(never);
  assert.equal(ok, true, text);
  assert.equal(text, "mail can leave: b.contoso.example port 25 answers");
  assert.deepEqual(
    steps.map(({ name, ok: good }) => `${name} ${good}`),
    ["dns true", "connect false", "resolve true", "connect true", "greeting true", "hello true"],
  );
});

test("one that refuses us shows it as well", async () => {
  await using dns = await DnsServer.withZone(zone);
  await using server = await ScriptedSmtpServer.start("S: 554 5.7.1 Service unavailable; client is on a block list");
  await using route = mxRoute(dns, { "a.contoso.example": server }, {}, { ownDomains });
  const { ok, steps } = await route.probe(never);
  assert.equal(ok, true);
  assert.match(steps.at(-1)?.text ?? "", /client is on a block list/);
});

test("when nothing answers at port 25 that is said in one sentence, with the failure that doctor knows", async () => {
  await using dns = await DnsServer.withZone(zone);
  const dead = { port: await freePort() };
  await using route = mxRoute(dns, { "a.contoso.example": dead, "b.contoso.example": dead }, {}, { ownDomains });
  const { ok, text, failure, steps } = await route.probe(never);
  assert.equal(ok, false);
  assert.equal(text, "no mail can leave here: nothing answers at a.contoso.example port 25, b.contoso.example port 25");
  assert.equal(failure?.code, "network.connect");
  assert.equal(steps.at(-1)?.name, "connect");
});

test("what shows nothing is not taken for a closed port: no domain, no server, an address of our own network", async () => {
  await using dns = await DnsServer.withZone({
    ...zone,
    "a.contoso.example A": ["10.1.2.3"],
    "b.contoso.example A": ["127.0.0.1"],
  });
  for (const domains of [[], ["elsewhere.example"], ownDomains]) {
    await using route = mxRoute(dns, {}, {}, { ownDomains: domains });
    const { ok, text } = await route.probe(never);
    assert.equal(ok, true, text);
    assert.match(text, /name servers answer.*no mail server is known at which port 25 could be tried/);
  }
});
