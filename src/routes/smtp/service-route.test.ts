import assert from "node:assert/strict";
import { test } from "node:test";
import type { SMTPServerOptions } from "smtp-server";
import { startForeignSmtpServer } from "../../../test/support/foreign-smtp-server.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import { Dialer } from "../../lib/dial.ts";
import type { Dns, MxRecord } from "../../lib/dns/dns.ts";
import { TokenFailed } from "../../identity/tokens/token-source.ts";
import { systemResolver } from "../../lib/resolver.ts";
import type { Route } from "../route.ts";
import { silentRouteLog } from "../route-log.ts";
import { testRoute } from "../route.contract.ts";
import { createServiceRoute, type ServiceRouteDeps } from "./service-route.ts";
import type { ServiceRouteOptions } from "./service-options.ts";
import { serviceShapes, type SmtpServiceKind } from "./service-shapes.ts";

const noDns = new Proxy({} as Dns, {
  get: () => () => {
    throw new Error("no name is to be looked up here");
  },
});
const day = Date.parse("2026-11-21T12:00:00Z");

/** A route to a service on loopback. The log-in is not encrypted here: TLS has tests of its own. */
function serviceRoute(
  options: Partial<ServiceRouteOptions> & Pick<ServiceRouteOptions, "kind">,
  deps: Partial<ServiceRouteDeps> = {},
): Route {
  return createServiceRoute(
    {
      name: options.kind,
      host: "127.0.0.1",
      tls: "none",
      authWithoutTls: true,
      allowPrivate: true,
      helloName: "gateway.contoso.example",
      ...options,
    },
    {
      dialer: new Dialer(systemResolver),
      dns: noDns,
      log: silentRouteLog,
      now: () => day,
      tokens: null,
      isAccepted: (domain) => domain === "contoso.example",
      ...deps,
    },
  );
}

const account = "app@contoso.example";
const password = "Sandbox-1";

/** A server by somebody else that takes the account by LOGIN only. */
const loginServer: SMTPServerOptions = {
  authMethods: ["LOGIN"],
  allowInsecureAuth: true,
  onAuth: (given, _session, done) =>
    given.username === account && given.password === password ? done(null, { user: account }) : done(new Error("wrong")),
};

for (const kind of Object.keys(serviceShapes) as SmtpServiceKind[]) {
  testRoute(kind, async () => {
    const logsIn = serviceShapes[kind].logsIn !== "never";
    const server = await startForeignSmtpServer(logsIn ? loginServer : {});
    const route = serviceRoute({
      kind,
      port: server.port,
      ...(logsIn ? { auth: { user: account, secret: password } } : {}),
      ...(serviceShapes[kind].place === "named" ? { hosts: ["127.0.0.1"] } : {}),
    });
    return {
      route,
      received: () => Promise.resolve(server.contents),
      async [Symbol.asyncDispose]() {
        await route[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  });
}

test("traits are the catalogue's, the operator's options win", () => {
  const { traits } = serviceRoute({ kind: "hve", auth: { user: account, secret: password } });
  assert.equal(traits.external, false);
  assert.equal(traits.maxRecipients, 50);
  assert.equal(traits.maxSize, 10_485_760);
  assert.equal(traits.takesNullReversePath, false);
  assert.equal(traits.inDoubt, "wait");
  assert.equal(traits.senderRule, "account");
  assert.equal(traits.account, account);
  assert.equal(traits.rewritesSender, false);
  assert.equal(serviceRoute({ kind: "smtp-auth", auth: { user: account, secret: "x" }, maxRecipients: 5 }).traits.maxRecipients, 5);
});

test("a sender that the service would refuse is refused before anything is sent", async () => {
  const port = await freePort();
  await using route = serviceRoute({ kind: "hve", port, auth: { user: account, secret: password } });
  for (const [from, text] of [
    ["boss@contoso.example", "From: app@contoso.example\r\n\r\nx\r\n"],
    [account, "From: boss@contoso.example\r\n\r\nx\r\n"],
  ] as const) {
    const outcome = only(await route.deliver(makeTransaction({ from, text }), never));
    assert.equal(told(outcome), "failed 7.1 route.sender-not-allowed message");
    assert.match(outcome.action === "failed" ? outcome.failure.text : "", /sends as app@contoso\.example, not as boss@contoso\.example/);
  }
});

test("whom a mailbox may send as is the operator's list", async () => {
  await using server = await startForeignSmtpServer(loginServer);
  await using route = serviceRoute({
    kind: "smtp-auth",
    port: server.port,
    auth: { user: account, secret: password },
    senders: ["scanner@contoso.example"],
  });
  const send = async (from: string) =>
    told(only(await route.deliver(makeTransaction({ from, text: `From: ${from}\r\n\r\nx\r\n` }), never)));
  assert.equal(await send("scanner@contoso.example"), "relayed");
  assert.equal(await send("Scanner@Contoso.Example"), "relayed");
  assert.equal(await send("boss@contoso.example"), "failed 7.1 route.sender-not-allowed message");
  assert.deepEqual(
    server.envelopes.map(({ from }) => from),
    ["scanner@contoso.example", "Scanner@Contoso.Example"],
  );
});

test("rewriteSender: the account in MAIL FROM and From, the author in Reply-To", async () => {
  await using server = await startForeignSmtpServer(loginServer);
  await using route = serviceRoute({ kind: "hve", port: server.port, auth: { user: account, secret: password }, rewriteSender: true });
  for (const streamed of [false, true]) {
    const text = 'From: "The Boss" <boss@contoso.example>\r\nSubject: x\r\n\r\nbody\r\n.dot\r\n';
    const { outcomes } = await route.deliver(makeTransaction({ from: "boss@contoso.example", text, streamed }), never);
    assert.deepEqual([...outcomes.values()].map(told), ["relayed"]);
  }
  assert.deepEqual(
    server.envelopes.map(({ from }) => from),
    [account, account],
  );
  const expected =
    'Received: by gateway.contoso.example\r\nFrom: "The Boss" <app@contoso.example>\r\nReply-To: "The Boss" <boss@contoso.example>\r\nSubject: x\r\n\r\nbody\r\n.dot\r\n';
  assert.deepEqual(server.contents.map(String), [expected, expected]);
});

test("a connector's MAIL FROM is of an accepted domain, or none", async () => {
  await using server = await startForeignSmtpServer();
  await using route = serviceRoute({ kind: "connector", port: server.port });
  assert.equal(
    told(only(await route.deliver(makeTransaction({ from: "x@elsewhere.example" }), never))),
    "failed 7.1 route.sender-not-allowed message",
  );
  assert.equal(told(only(await route.deliver(makeTransaction({ from: null }), never))), "relayed");
});

test("a connector with a certificate takes whoever: the certificate's domain decides", async () => {
  await using server = await startForeignSmtpServer();
  const certificate = { cert: "", key: "" };
  await using route = serviceRoute({ kind: "connector", port: server.port, clientCertificate: certificate });
  assert.equal(route.traits.senderRule, "any");
  assert.equal(told(only(await route.deliver(makeTransaction({ from: "x@elsewhere.example" }), never))), "relayed");
});

test("rewriteSender leaves alone what the service takes: only MAIL FROM of a bounce address is changed", async () => {
  await using server = await startForeignSmtpServer(loginServer);
  await using route = serviceRoute({ kind: "hve", port: server.port, auth: { user: account, secret: password }, rewriteSender: true });
  const text = "From: App <app@contoso.example>\r\nSubject: x\r\n\r\nbody\r\n";
  assert.equal(told(only(await route.deliver(makeTransaction({ from: "bounce@contoso.example", text }), never))), "relayed");
  assert.deepEqual(
    server.envelopes.map(({ from }) => from),
    [account],
  );
  assert.deepEqual(server.contents.map(String), [`Received: by gateway.contoso.example\r\n${text}`]);
});

test("a probe tries MAIL FROM as the account, takes it back, and tells what the service minds", async () => {
  const script = (answer: string) => `${hello.replace("S: 250-DSN", "S: 250-AUTH LOGIN")}
    C: AUTH LOGIN*
    S: 334 VXNlcm5hbWU6
    C: *
    S: 334 UGFzc3dvcmQ6
    C: *
    S: 235 2.7.0 ok
    C: MAIL FROM:<app@contoso.example>
    ${answer}`;
  await using good = await ScriptedSmtpServer.start(script("S: 250 2.1.0 ok\nC: RSET\nS: 250 ok\nC: QUIT"));
  await using fine = serviceRoute({ kind: "smtp-auth", port: good.port, auth: { user: account, secret: password } });
  const found = await fine.probe(never);
  assert.deepEqual(
    found.steps.map(({ name }) => name),
    ["resolve", "connect", "greeting", "hello", "auth", "mail"],
  );
  assert.equal(found.ok, true);
  good.check();
  await using bad = await ScriptedSmtpServer.start(script("S: 550 5.1.8 Access denied, bad outbound sender"));
  await using blocked = serviceRoute({ kind: "smtp-auth", port: bad.port, auth: { user: account, secret: password } });
  const { ok, text, steps } = await blocked.probe(never);
  assert.equal(ok, false);
  assert.equal(steps.at(-1)?.name, "mail");
  assert.match(text, /bad outbound sender/);
});

test("why there is no token is told, and nobody bounces for it", async () => {
  await using server = await startForeignSmtpServer({ authMethods: ["XOAUTH2"], allowInsecureAuth: true, onAuth: () => undefined });
  const tokens = {
    token: () => Promise.reject(new TokenFailed("AADSTS7000215", "AADSTS7000215: Invalid client secret provided.", false)),
    reject: () => undefined,
  };
  await using route = serviceRoute({ kind: "smtp-auth", port: server.port, auth: { user: account, identity: "entra" } }, { tokens });
  const outcome = only(await route.deliver(makeTransaction({ from: account, text: `From: ${account}\r\n\r\nx\r\n` }), never));
  assert.equal(told(outcome), "delayed 7.8 route.auth-failed route");
  assert.match(outcome.action === "delayed" ? outcome.failure.text : "", /AADSTS7000215: Invalid client secret/);
});

test("ACS: the user name is composed of resource, application and tenant", async () => {
  const names: string[] = [];
  await using server = await startForeignSmtpServer({
    ...loginServer,
    onAuth: (given, _session, done) => {
      names.push(given.username ?? "");
      done(null, { user: "acs" });
    },
  });
  await using route = serviceRoute({
    kind: "acs-smtp",
    port: server.port,
    auth: { resource: "contoso-acs", application: "app-id", tenant: "tenant-id", secret: "s" },
  });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  assert.deepEqual(names, ["contoso-acs.app-id.tenant-id"]);
});

test("a token is asked for with the service's scope; one that is refused is given back and another tried once", async () => {
  const rejected: string[] = [];
  const scopes: string[] = [];
  const given = ["old-token", "new-token", "unasked"];
  await using server = await startForeignSmtpServer({
    authMethods: ["XOAUTH2"],
    allowInsecureAuth: true,
    onAuth: (auth, _session, done) =>
      auth.accessToken === "new-token" ? done(null, { user: account }) : done(null, { data: { status: "401" } }),
  });
  const tokens = {
    token: (scope: string) => {
      scopes.push(scope);
      return Promise.resolve({ token: given[rejected.length] ?? "", expiresAt: day });
    },
    reject: (_scope: string, token: string) => void rejected.push(token),
  };
  await using route = serviceRoute({ kind: "smtp-auth", port: server.port, auth: { user: account, identity: "entra" } }, { tokens });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  assert.deepEqual(rejected, ["old-token"]);
  assert.deepEqual(new Set(scopes), new Set(["https://outlook.office365.com/.default"]));
});

test("smart hosts take turns; one that is down is left out and opens no circuit", async () => {
  await using one = await startForeignSmtpServer();
  await using two = await startForeignSmtpServer();
  const dead = await freePort();
  await using route = serviceRoute({
    kind: "smart-host",
    hosts: [`127.0.0.1:${one.port}`, `127.0.0.1:${dead}`, `127.0.0.1:${two.port}`],
  });
  for (let n = 0; n < 12; n++) assert.equal(told(only(await route.deliver(makeTransaction({ id: n + 1 }), never))), "relayed");
  assert.equal(one.contents.length + two.contents.length, 12);
  assert.ok(one.contents.length >= 4 && two.contents.length >= 4, `${one.contents.length} and ${two.contents.length}`);
});

test("each host is told: the one that is down, why, and until when it rests", async () => {
  await using one = await startForeignSmtpServer();
  const dead = await freePort();
  await using route = serviceRoute({ kind: "smart-host", hosts: [`127.0.0.1:${dead}`, `127.0.0.1:${one.port}`] });
  await Promise.all(Array.from({ length: 4 }, (_, n) => route.deliver(makeTransaction({ id: n + 1 }), never)));
  const [down, up] = route.nextHops?.() ?? [];
  assert.deepEqual(up, { remote: `127.0.0.1:${one.port}` });
  assert.match(down?.trouble ?? "", /ECONNREFUSED/);
  const rest = (down?.restsUntil ?? 0) - day;
  assert.ok(rest > 0 && rest <= 15_000, `troubles at the same time count once: ${rest}`);
});

test("all smart hosts down: the mail waits, and the route is at fault", async () => {
  const ports = [await freePort(), await freePort()];
  await using route = serviceRoute({ kind: "smart-host", hosts: ports.map((port) => `127.0.0.1:${port}`) });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 4.1 network.connect route");
});

test("direct send goes to the MX of the domain, by preference; without one it waits", async () => {
  await using server = await startForeignSmtpServer();
  const answers: MxRecord[] = [
    { preference: 20, exchange: "localhost" },
    { preference: 10, exchange: "127.0.0.1" },
  ];
  const dns = {
    ...noDns,
    mx: (domain: string) =>
      Promise.resolve({ records: domain === "contoso.example" ? answers : [], authentic: false, noSuchName: false, ttl: 60 }),
  };
  const { host: _none, ...options } = { host: undefined, kind: "direct-send" as const, port: server.port };
  const make = (domain: string) =>
    createServiceRoute(
      { name: "direct-send", tls: "none", allowPrivate: true, domain, ...options },
      { dialer: new Dialer(systemResolver), dns, log: silentRouteLog, now: () => day, tokens: null, isAccepted: () => true },
    );
  await using route = make("contoso.example");
  const delivery = await route.deliver(makeTransaction(), never);
  assert.equal(told(only(delivery)), "relayed");
  assert.equal(delivery.session.remote, `127.0.0.1:${server.port}`);
  await using nowhere = make("nowhere.example");
  assert.equal(told(only(await nowhere.deliver(makeTransaction(), never))), "delayed 4.4 route.unavailable route");
});

test("432: the pool makes do with fewer connections, the message waits, and no circuit is troubled", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    begin
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [X]
    S: 503 5.5.1 no
    S: 503 5.5.1 no
    loop`);
  await using route = serviceRoute({ kind: "smtp-auth", port: server.port, account });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 3.2 quota.connections message");
});

test("a server that quotes what it was told: no secret gets into the failure", async () => {
  const secret = "s3cret/Sandbox+1";
  const login = Buffer.from(secret).toString("base64");
  await using server =
    await ScriptedSmtpServer.start(`${hello.replace("S: 250 ENHANCEDSTATUSCODES", "S: 250-ENHANCEDSTATUSCODES\n  S: 250 AUTH LOGIN")}
    C: AUTH LOGIN*
    S: 334 VXNlcm5hbWU6
    C: *
    S: 334 UGFzc3dvcmQ6
    C: *
    S: 500-5.5.1 unrecognized: "${login}"
    S: 500 5.5.1 and ${secret}, see https://aka.ms/smtp_auth_disabled
    C: QUIT`);
  await using route = serviceRoute({ kind: "smtp-auth", port: server.port, auth: { user: account, secret } });
  const outcome = only(await route.deliver(makeTransaction({ from: account }), never));
  const text = JSON.stringify(outcome);
  assert.ok(!text.includes(login) && !text.includes(secret), text);
  assert.match(text, /unrecognized: .*\*\*\*.*https:\/\/aka\.ms\/smtp_auth_disabled/);
});

test("a server that answers 334 to everything is given up", async () => {
  await using server =
    await ScriptedSmtpServer.start(`${hello.replace("S: 250 ENHANCEDSTATUSCODES", "S: 250-ENHANCEDSTATUSCODES\n  S: 250 AUTH LOGIN")}
    begin
    C: *
    S: 334 VXNlcm5hbWU6
    loop`);
  await using route = serviceRoute({ kind: "smtp-auth", port: server.port, auth: { user: account, secret: password } });
  assert.equal(told(only(await route.deliver(makeTransaction({ from: account }), never))), "delayed 5.0 remote.protocol route");
});

test("a refusal at the greeting, in whatever words, bounces nothing", async () => {
  for (const words of ["554 5.7.1 Unable to relay", "550 5.1.1 go away", "554 5.7.515 no"]) {
    await using server = await ScriptedSmtpServer.start(`S: ${words}`);
    await using route = serviceRoute({ kind: "smart-host", hosts: [`127.0.0.1:${server.port}`] });
    const outcome = only(await route.deliver(makeTransaction(), never));
    assert.equal(outcome.action, "delayed", words);
    assert.equal(outcome.action === "delayed" && outcome.failure.scope, "route", words);
  }
});
