import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { before, test } from "node:test";
import { createServer } from "node:tls";
import { startForeignSmtpServer } from "../../../test/support/foreign-smtp-server.ts";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, plainHello, routeTo, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import { type Certificate, createAuthority, createServerCertificate } from "../../lib/certificates.ts";
import { Dialer } from "../../lib/dial.ts";
import { systemResolver } from "../../lib/resolver.ts";
import { silentRouteLog } from "../route-log.ts";
import { createSmtpRoute } from "./smtp-route.ts";

let authority: Certificate;
let certificate: Certificate;
before(async () => {
  authority = await createAuthority("Test");
  certificate = await createServerCertificate(authority, ["mx.fabrikam.example", "127.0.0.1"]);
});

const offer = "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250-PIPELINING\nS: 250 STARTTLS";
const secondHello = "C: EHLO *\nS: 250-mx\nS: 250 PIPELINING";
const envelope = "C: MAIL *\nC: RCPT *\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nC.\nS: 250 ok";

test("required: STARTTLS, EHLO again, a verified certificate", async () => {
  await using server = await ScriptedSmtpServer.start(`${offer}\nC: STARTTLS\nS: 220 go\ntls\n${secondHello}\n${envelope}`, certificate);
  await using route = routeTo(server, { tls: "required", ca: authority.cert, serverName: "mx.fabrikam.example" });
  const delivery = await route.deliver(makeTransaction(), never);
  server.check();
  assert.equal(told(only(delivery)), "relayed");
  assert.match(delivery.session.tls ?? "", /^TLSv1\.3 TLS_/);
  assert.equal(delivery.session.verified, true);
  assert.equal(delivery.session.security, "verified");
});

test("required: a certificate for another name, from another authority or none at all sends nothing", async () => {
  for (const options of [{ ca: authority.cert, serverName: "mx.contoso.example" }, {}]) {
    await using server = await ScriptedSmtpServer.start(`${offer}\nC: STARTTLS\nS: 220 go\ntls\nhang`, certificate);
    await using route = routeTo(server, { tls: "required", serverName: "mx.fabrikam.example", ...options });
    assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 7.5 route.tls-failed route");
    assert.equal(server.connections, 1);
  }
});

test("required: not offered, or refused", async () => {
  await using plain = await ScriptedSmtpServer.start(hello);
  await using toPlain = routeTo(plain, { tls: "required" });
  assert.equal(told(only(await toPlain.deliver(makeTransaction(), never))), "delayed 7.10 route.tls-required route");
  await using refusing = await ScriptedSmtpServer.start(`${offer}\nC: STARTTLS\nS: 454 4.7.0 not now`);
  await using toRefusing = routeTo(refusing, { tls: "required" });
  assert.equal(told(only(await toRefusing.deliver(makeTransaction(), never))), "delayed 7.0 remote.unavailable route");
});

test("plaintext injected behind the answer to STARTTLS is an attack", async () => {
  await using server = await ScriptedSmtpServer.start(
    `${offer}\nC: STARTTLS\nS: 220 go\nS: 250-evil\nS: 250 AUTH PLAIN\nhang`,
    certificate,
  );
  await using route = routeTo(server, { tls: "required", ca: authority.cert, serverName: "mx.fabrikam.example" });
  assert.match(told(only(await route.deliver(makeTransaction(), never))), /^delayed (7.5 route.tls-failed|5.0 remote.protocol) route$/);
});

test("opportunistic: a certificate that proves nothing is taken", async () => {
  await using server = await ScriptedSmtpServer.start(`${offer}\nC: STARTTLS\nS: 220 go\ntls\n${secondHello}\n${envelope}`, certificate);
  await using route = routeTo(server, { tls: "opportunistic" });
  const delivery = await route.deliver(makeTransaction(), never);
  assert.equal(told(only(delivery)), "relayed");
  assert.equal(delivery.session.verified, false);
  assert.equal(delivery.session.security, "opportunistic");
  assert.match(delivery.session.securityNote ?? "", /./);
  assert.notEqual(delivery.session.tls, undefined);
});

test("opportunistic: when the handshake fails the mail goes plain, and the failure is remembered", async () => {
  await using server = await ScriptedSmtpServer.start([
    `${offer}\nC: STARTTLS\nS: 220 go\nC# 1\nS: this is not TLS\nhang`,
    `${offer}\n${envelope}\nC: QUIT`,
  ]);
  await using route = routeTo(server, { tls: "opportunistic", maxMessagesPerConnection: 1 });
  for (let i = 0; i < 3; i++) {
    const delivery = await route.deliver(makeTransaction(), never);
    assert.equal(told(only(delivery)), "relayed");
    assert.equal(delivery.session.tls, undefined);
    assert.equal(delivery.session.security, "plain");
  }
  assert.equal(server.connections, 4);
});

test("probe does without opportunistic encryption too, and tells", async () => {
  await using server = await ScriptedSmtpServer.start([
    `${offer}\nC: STARTTLS\nS: 220 go\nC# 1\nS: this is not TLS\nhang`,
    `${offer}\nC: QUIT`,
  ]);
  await using route = routeTo(server, { tls: "opportunistic" });
  const result = await route.probe(never);
  assert.match(`${result.ok} ${result.text}`, /^true .* without encryption$/);
  assert.ok(result.steps.some((step) => step.name === "tls" && !step.ok));
});

test("implicit TLS, with a client certificate", async () => {
  const client = await createServerCertificate(authority, ["gateway.contoso.example"]);
  const server = createServer(
    { ...certificate, ca: authority.cert, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" },
    (socket) => {
      socket.write("220 mx\r\n");
      socket.on("data", () => socket.write(`250 ${String(socket.getPeerCertificate().subject.CN)}\r\n`)).on("error", () => undefined);
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await using route = routeTo(
    { port: (server.address() as AddressInfo).port },
    { tls: "implicit", ca: authority.cert, serverName: "mx.fabrikam.example", clientCertificate: client },
  );
  const result = await route.probe(never);
  assert.equal(result.ok, true, result.text);
  assert.deepEqual(
    result.steps.map((step) => step.name),
    ["resolve", "connect", "tls", "greeting", "hello"],
  );
  assert.match(result.steps[4]?.text ?? "", /gateway\.contoso\.example/);
  server.close();
});

test("a map sends a public name to loopback, and TLS keeps the name", async () => {
  await using server = await ScriptedSmtpServer.start(`${offer}\nC: STARTTLS\nS: 220 go\ntls\n${secondHello}\n${envelope}`, certificate);
  const dialer = new Dialer(systemResolver, new Map([["mx.fabrikam.example", { host: "127.0.0.1", port: server.port }]]));
  await using route = createSmtpRoute(
    { name: "tenant", host: "mx.fabrikam.example", tls: "required", ca: authority.cert },
    { dialer, log: silentRouteLog, now: () => 0 },
  );
  const delivery = await route.deliver(makeTransaction(), never);
  assert.equal(told(only(delivery)), "relayed");
  assert.equal(delivery.session.remote, "mx.fabrikam.example:25");
});

for (const mechanism of ["plain", "login", "auto", "xoauth2"] as const) {
  test(`AUTH ${mechanism} over STARTTLS to a foreign server; a wrong secret is the route's trouble`, async () => {
    await using server = await startForeignSmtpServer({
      ...certificate,
      authOptional: false,
      authMethods: mechanism === "auto" ? ["LOGIN"] : [mechanism.toUpperCase()],
      onAuth(auth, _session, done) {
        const secret = auth.method === "XOAUTH2" ? auth.accessToken : auth.password;
        if (auth.username === "app@contoso.example" && secret === "gehöim") return done(null, { user: auth.username as string });
        return done(null, { data: { status: "401", schemes: "bearer", scope: "mail" } });
      },
    });
    const options = { tls: "required", ca: authority.cert, serverName: "mx.fabrikam.example" } as const;
    await using right = routeTo(server, {
      ...options,
      auth: { mechanism, user: "app@contoso.example", secret: () => Promise.resolve("gehöim") },
    });
    assert.equal(told(only(await right.deliver(makeTransaction(), never))), "relayed");
    assert.equal(server.envelopes[0]?.user, "app@contoso.example");
    await using wrong = routeTo(server, { ...options, auth: { mechanism, user: "app@contoso.example", secret: "wrong-secret" } });
    const outcome = only(await wrong.deliver(makeTransaction(), never));
    assert.match(told(outcome), /^delayed 7\.\d+ route\.auth-failed route$/);
    assert.doesNotMatch(JSON.stringify([outcome, await wrong.probe(never)]), /wrong-secret/);
  });
}

test("XOAUTH2: the token in the command, an empty answer to the challenge, then 535 is read", async () => {
  const auth = `S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH LOGIN XOAUTH2`;
  const initial = Buffer.from("user=app@contoso.example\u0001auth=Bearer tok\u0001\u0001").toString("base64");
  await using server = await ScriptedSmtpServer.start(
    `${auth}\nC: AUTH XOAUTH2 ${initial}\nS: 334 eyJzdGF0dXMiOiI0MDEifQ==\nC: \nS: 535 5.7.3 Authentication unsuccessful`,
  );
  await using route = routeTo(server, { auth: { mechanism: "xoauth2", user: "app@contoso.example", secret: "tok" } });
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 7.3 route.auth-failed route");
  server.check();
});

test("AUTH: not offered, for now not possible, endless challenges, a secret that cannot be had", async () => {
  const auth = { mechanism: "auto", user: "app", secret: "pw" } as const;
  const cases = [
    [plainHello, auth, "delayed 7.4 route.auth-unavailable route"],
    [
      "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 454 4.7.0 Temporary authentication failure",
      auth,
      "delayed 7.0 remote.unavailable route",
    ],
    [
      "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH=LOGIN\nC: AUTH LOGIN\nS: 334 \nC: YXBw\nS: 334 \nC: cHc=\nS: 334 \nC: *\nS: 501 5.7.0 cancelled",
      auth,
      "delayed 7.0 route.auth-failed route",
    ],
    [
      "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH PLAIN\nhang",
      { ...auth, secret: () => Promise.reject(new Error("no token")) },
      "delayed 7.8 route.auth-failed route",
    ],
  ] as const;
  for (const [script, given, expected] of cases) {
    await using server = await ScriptedSmtpServer.start(script);
    await using route = routeTo(server, { auth: given });
    assert.equal(told(only(await route.deliver(makeTransaction(), never))), expected);
    server.check();
  }
});

test("530 to MAIL is the route's trouble: the mail waits", async () => {
  await using server = await ScriptedSmtpServer.start(
    `${hello}C: MAIL *\nC: RCPT *\nC: DATA\nS: 530 5.7.57 Client not authenticated to send mail\nS: 503 no\nS: 503 no`,
  );
  await using route = routeTo(server);
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 7.57 route.auth-failed route");
});

test("probe tells how far it came, and the peer's words", async () => {
  await using server = await ScriptedSmtpServer.start(
    "S: 220 mx\nC: EHLO *\nS: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH *\nS: 535 5.7.139 SmtpClientAuthentication is disabled",
  );
  await using route = routeTo(server, { auth: { user: "app", secret: "pw" } });
  const result = await route.probe(never);
  assert.equal(result.ok, false);
  assert.deepEqual(
    result.steps.map((step) => [step.name, step.ok]),
    [
      ["resolve", true],
      ["connect", true],
      ["greeting", true],
      ["hello", true],
      ["auth", false],
    ],
  );
  assert.match(result.text, /SmtpClientAuthentication is disabled/);
});

test("an identity logs in with its token, for the scope that the operator names; a refused one is given back", async () => {
  const user = "app@contoso.example";
  const asked: string[] = [];
  const rejected: string[] = [];
  await using server = await startForeignSmtpServer({
    authMethods: ["XOAUTH2"],
    allowInsecureAuth: true,
    onAuth: (auth, _session, done) =>
      auth.accessToken === "second" ? done(null, { user }) : done(null, { data: { status: "401", schemes: "bearer" } }),
  });
  await using route = createSmtpRoute(
    {
      name: "any",
      host: "127.0.0.1",
      port: server.port,
      tls: "none",
      authWithoutTls: true,
      allowPrivate: true,
      auth: { user, identity: "entra", scope: "https://mail.contoso.example/.default" },
    },
    {
      dialer: new Dialer(systemResolver),
      log: silentRouteLog,
      now: () => 1000,
      tokens: {
        token: (scope) => {
          asked.push(scope);
          return Promise.resolve({ token: rejected.length === 0 ? "first" : "second", expiresAt: 1e15 });
        },
        reject: (_scope, token) => void rejected.push(token),
      },
    },
  );
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  assert.deepEqual(rejected, ["first"]);
  assert.deepEqual(new Set(asked), new Set(["https://mail.contoso.example/.default"]));
  assert.equal(server.envelopes[0]?.user, user);
});
