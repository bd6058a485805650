import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { DnsServer } from "../../../test/support/dns-server.ts";
import { startForeignSmtpServer } from "../../../test/support/foreign-smtp-server.ts";
import { mxRoute } from "../../../test/support/mx-route.ts";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, told } from "../../../test/support/smtp-route.ts";
import { until } from "../../../test/support/until.ts";
import { makeContent, makeTransaction } from "../../../test/support/transactions.ts";
import { testRoute } from "../route.contract.ts";

const mx = (preference: number, exchange: string) => ({ preference, exchange });
const oneServer = { "fabrikam.example MX": [mx(10, "mx.fabrikam.example")] };

testRoute("mx", async () => {
  const dns = await DnsServer.withZone(oneServer);
  const server = await startForeignSmtpServer();
  const route = mxRoute(dns, { "mx.fabrikam.example": server });
  return {
    route,
    received: () => Promise.resolve(server.contents),
    async [Symbol.asyncDispose]() {
      await route[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await dns[Symbol.asyncDispose]();
    },
  };
});

/** What becomes of one message to a domain. */
async function tell(zone: Readonly<Record<string, readonly unknown[]>>, to = "bob@fabrikam.example", servers = {}): Promise<string> {
  await using dns = await DnsServer.withZone(zone);
  await using route = mxRoute(dns, servers);
  return told(only(await route.deliver(makeTransaction({ to: [to] }), never)));
}

/** A port where nobody listens. */
async function deadPort(): Promise<{ readonly port: number }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return { port };
}

test("domains that take no mail fail at once, those that cannot be looked up wait", async () => {
  assert.equal(await tell({}), "failed 1.2 dns.no-such-domain destination");
  // RFC 7505 §4.2: 5.1.10
  assert.equal(await tell({ "fabrikam.example MX": [mx(0, ".")] }), "failed 1.10 dns.null-mx destination");
  assert.equal(await tell({ "fabrikam.example TXT": [["x"]] }), "failed 4.4 dns.no-mail-server destination");
  assert.equal(await tell({ "fabrikam.example MX": [mx(5, "gone.example")] }), "failed 4.4 dns.no-mail-server destination");
  await using broken = await DnsServer.start(() => ({ rcode: "SERVFAIL" }));
  await using route = mxRoute(broken, {});
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 4.3 dns.temporary destination");
});

test("no server of a stranger leads to a private address, a literal one neither", async () => {
  const zone = { ...oneServer, "mx.fabrikam.example A": ["127.0.0.1", "10.1.2.3"], "mx.fabrikam.example AAAA": ["::1"] };
  assert.equal(await tell(zone), "failed 4.4 network.blocked-address destination");
  assert.equal(await tell({}, "bob@[127.0.0.1]"), "failed 4.4 network.blocked-address destination");
  assert.equal(await tell({}, "bob@[IPv6:::ffff:127.0.0.1]"), "failed 4.4 network.blocked-address destination");
  assert.equal(await tell({}, "bob@[nonsense]"), "failed 1.3 submission.address-syntax recipient");
  assert.equal(await tell({ "localhost A": ["127.0.0.1"] }, "bob@localhost"), "failed 4.4 network.blocked-address destination");
});

test("mail for a domain whose best server is ourselves goes in no circle", async () => {
  const own = mx(10, "Gateway.Contoso.Example");
  assert.equal(await tell({ "fabrikam.example MX": [own, mx(20, "mx.fabrikam.example")] }), "failed 4.6 dns.mx-loop destination");
  await using server = await startForeignSmtpServer();
  const better = { "fabrikam.example MX": [own, mx(5, "mx.fabrikam.example")] };
  assert.equal(await tell(better, "bob@fabrikam.example", { "mx.fabrikam.example": server }), "relayed");
});

test("without MX the domain itself is the mail server; an alias is followed", async () => {
  await using server = await startForeignSmtpServer();
  assert.equal(await tell({ "fabrikam.example A": ["192.0.2.1"] }, "bob@fabrikam.example", { "fabrikam.example": server }), "relayed");
  const alias = { "alias.example CNAME": ["fabrikam.example"], ...oneServer };
  assert.equal(await tell(alias, "bob@alias.example", { "mx.fabrikam.example": server }), "relayed");
  assert.equal(server.contents.length, 2);
});

test("the next server is tried when one cannot be reached, greets badly or is not well, by preference", async () => {
  const zone = { "fabrikam.example MX": [mx(40, "d.example"), mx(10, "a.example"), mx(30, "c.example"), mx(20, "b.example")] };
  await using dns = await DnsServer.withZone(zone);
  await using busy = await ScriptedSmtpServer.start("S: 421 4.3.2 too busy\nclose");
  await using refusing = await ScriptedSmtpServer.start("S: 554 5.3.2 not you\nclose");
  await using good = await startForeignSmtpServer();
  await using route = mxRoute(dns, { "a.example": await deadPort(), "b.example": busy, "c.example": refusing, "d.example": good });
  const delivery = await route.deliver(makeTransaction(), never);
  assert.equal(told(only(delivery)), "relayed");
  assert.equal(delivery.session.remote, "d.example:25");
  assert.deepEqual([busy.connections, refusing.connections], [1, 1]);
  // For a while the others come first.
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  assert.deepEqual([busy.connections, refusing.connections, good.contents.length], [1, 1, 2]);
});

test("when no server is well the mail waits, and the trouble is the destination's", async () => {
  await using dns = await DnsServer.withZone({ "fabrikam.example MX": [mx(10, "a.example"), mx(20, "gone.example")] });
  await using route = mxRoute(dns, { "a.example": await deadPort() });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 4.1 network.connect destination");
});

test("what a server refuses is its last word: no other is asked", async () => {
  await using dns = await DnsServer.withZone({ "fabrikam.example MX": [mx(10, "a.example"), mx(20, "b.example")] });
  await using refusing = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 550 5.1.1 nobody here
    S: 554 no valid recipients`);
  await using other = await startForeignSmtpServer();
  await using route = mxRoute(dns, { "a.example": refusing, "b.example": other });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "failed 1.1 remote.no-such-recipient recipient");
  assert.equal(other.contents.length, 0);
});

test("a stranger who wants a log-in refuses; he says nothing about our credentials", async () => {
  await using dns = await DnsServer.withZone(oneServer);
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 530 5.7.1 Authentication required
    S: 503 5.5.1 MAIL first
    S: 503 5.5.1 RCPT first`);
  await using route = mxRoute(dns, { "mx.fabrikam.example": server });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "failed 7.1 remote.refused-by-policy message");
});

test("an answer lost after the content is in doubt: no other server gets it", async () => {
  await using dns = await DnsServer.withZone({ "fabrikam.example MX": [mx(10, "a.example"), mx(20, "b.example")] });
  await using dying = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    cut`);
  await using other = await startForeignSmtpServer();
  await using route = mxRoute(dns, { "a.example": dying, "b.example": other });
  assert.match(told(only(await route.deliver(makeTransaction(), never))), /^delayed in doubt 4.2 route.answer-lost/);
  assert.equal(other.contents.length, 0);
});

test("without any name server the trouble is the route's, and the probe sees it", async () => {
  const dns = await DnsServer.withZone(oneServer);
  const { place } = dns;
  await dns[Symbol.asyncDispose]();
  await using route = mxRoute({ place }, {});
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 4.3 dns.temporary route");
  assert.equal((await route.probe(never)).ok, false);
});

test("a route that is closed lets no other connection be made", async () => {
  await using dns = await DnsServer.withZone({ "fabrikam.example MX": [mx(10, "a.example"), mx(20, "b.example")] });
  await using silent = await ScriptedSmtpServer.start("hang");
  await using other = await startForeignSmtpServer();
  const route = mxRoute(dns, { "a.example": silent, "b.example": other });
  const delivery = route.deliver(makeTransaction(), never);
  await until("it is connected", () => silent.connections === 1);
  await route[Symbol.asyncDispose]();
  assert.match(told(only(await delivery)), /^delayed 4.4 route.unavailable/);
  assert.equal(other.contents.length, 0);
});

test("equal preferences share the load", async () => {
  const hosts = ["a.example", "b.example", "c.example"];
  await using dns = await DnsServer.withZone({ "fabrikam.example MX": hosts.map((host) => mx(10, host)) });
  await using server = await startForeignSmtpServer();
  await using route = mxRoute(dns, Object.fromEntries(hosts.map((host) => [host, server])));
  const used = new Set<string>();
  // 60 draws of three leave one out with a chance of 8 in 10^11.
  for (let i = 0; i < 60; i++) used.add((await route.deliver(makeTransaction(), never)).session.remote);
  assert.equal(used.size, 3);
});

test("a message for several domains comes to each, and one that is not there harms no other", async () => {
  await using dns = await DnsServer.withZone({ ...oneServer, "contoso.example MX": [mx(1, "mx.contoso.example")] });
  await using one = await startForeignSmtpServer();
  await using two = await startForeignSmtpServer();
  await using route = mxRoute(dns, { "mx.fabrikam.example": one, "mx.contoso.example": two });
  const to = ["a@fabrikam.example", "b@Contoso.example", "c@nowhere.example", "d@FABRIKAM.example"];
  const { outcomes } = await route.deliver(makeTransaction({ to }), never);
  const said = [...outcomes].map(([{ address }, outcome]) => `${address} ${told(outcome)}`);
  assert.deepEqual(said, [
    "a@fabrikam.example relayed",
    "b@Contoso.example relayed",
    "c@nowhere.example failed 1.2 dns.no-such-domain destination",
    "d@FABRIKAM.example relayed",
  ]);
  assert.deepEqual([one.envelopes[0]?.to, two.envelopes[0]?.to], [["a@fabrikam.example", "d@FABRIKAM.example"], ["b@Contoso.example"]]);
});

test("an internationalised domain is looked up by its A-labels", async () => {
  await using server = await startForeignSmtpServer();
  const zone = { "xn--bcher-kva.example MX": [mx(1, "mx.fabrikam.example")] };
  await using dns = await DnsServer.withZone(zone);
  await using route = mxRoute(dns, { "mx.fabrikam.example": server });
  assert.equal(told(only(await route.deliver(makeTransaction({ to: ["bob@bücher.example"] }), never))), "relayed");
  assert.ok(dns.asked.includes("MX xn--bcher-kva.example udp"), dns.asked.join());
});

test("connections are kept to a bounded number of servers", async () => {
  const domains = Array.from({ length: 12 }, (_, i) => `d${i}.example`);
  await using dns = await DnsServer.withZone(Object.fromEntries(domains.map((domain) => [`${domain} MX`, [mx(1, `mx.${domain}`)]])));
  await using server = await ScriptedSmtpServer.start(`${hello}
    begin
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 250 ok
    loop`);
  await using route = mxRoute(dns, Object.fromEntries(domains.map((domain) => [`mx.${domain}`, server])), {
    maxConnections: 2,
    idleMs: 60_000,
  });
  for (const domain of domains) assert.equal(told(only(await route.deliver(makeTransaction({ to: [`a@${domain}`] }), never))), "relayed");
  // Two are allowed at a time, so four may rest.
  assert.ok(server.open <= 5, `${server.open} connections are open`);
});

test("the author's domain signs, below our own Received field; the null reverse-path gets no bounce address", async () => {
  await using dns = await DnsServer.withZone(oneServer);
  await using server = await startForeignSmtpServer();
  const asked: string[] = [];
  const signer = {
    sign: async (domain: string) => {
      asked.push(domain);
      return Buffer.from(`DKIM-Signature: d=${domain}\r\n`);
    },
  };
  const bounce = ({ messageId, author, recipients }: { messageId: number; author: string | null; recipients: readonly unknown[] }) =>
    author === null ? null : `bounce+${messageId}+${recipients.length}@${author}`;
  await using route = mxRoute(dns, { "mx.fabrikam.example": server }, {}, { signer, bounce });
  assert.equal(route.traits.keepsReversePath, false);
  for (const streamed of [false, true]) {
    const content = makeContent("From: App <app@Notify.Contoso.example>\r\nSubject: x\r\n\r\n.dot\r\n", streamed);
    assert.equal(told(only(await route.deliver({ ...makeTransaction(), content }, never))), "relayed");
    const [received] = server.contents.slice(-1);
    assert.equal(
      received?.toString(),
      "Received: by gateway.contoso.example\r\nDKIM-Signature: d=notify.contoso.example\r\nFrom: App <app@Notify.Contoso.example>\r\nSubject: x\r\n\r\n.dot\r\n",
    );
  }
  assert.deepEqual(asked, ["notify.contoso.example", "notify.contoso.example"]);
  await route.deliver(makeTransaction({ from: null }), never);
  assert.deepEqual(
    server.envelopes.map(({ from }) => from),
    ["bounce+7+1@notify.contoso.example", "bounce+7+1@notify.contoso.example", ""],
  );
});

test("what cannot be signed is not sent", async () => {
  await using dns = await DnsServer.withZone(oneServer);
  await using server = await startForeignSmtpServer();
  const signer = { sign: () => Promise.reject(new Error("no key")) };
  await using route = mxRoute(dns, { "mx.fabrikam.example": server }, {}, { signer });
  const transaction = makeTransaction({ text: "From: app@contoso.example\r\n\r\nx\r\n" });
  assert.match(told(only(await route.deliver(transaction, never))), /^delayed 3.0 system.fault/);
  assert.equal(server.contents.length, 0);
});
