/** A real Postfix as a smart host: who may relay is told by log-in, by client certificate, or not at all; and Postfix judges how we do it. */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { createAuthority, createServerCertificate } from "../../src/lib/certificates.ts";
import { Dialer } from "../../src/lib/dial.ts";
import type { Dns } from "../../src/lib/dns/dns.ts";
import { systemResolver } from "../../src/lib/resolver.ts";
import { silentRouteLog } from "../../src/routes/route-log.ts";
import type { Route } from "../../src/routes/route.ts";
import { createServiceRoute } from "../../src/routes/smtp/service-route.ts";
import type { ServiceRouteOptions } from "../../src/routes/smtp/service-options.ts";
import { DovecotAuth } from "../support/dovecot-auth.ts";
import { freePort } from "../support/free-port.ts";
import { Postfix, skipUnlessPostfix } from "../support/postfix.ts";
import { never, only, told } from "../support/smtp-route.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { makeTransaction } from "../support/transactions.ts";
import { until } from "../support/until.ts";

suite("a Postfix as smart host", { timeout: 120_000, skip: skipUnlessPostfix() }, () => {
  const folder = temporaryFolder();
  let auth: DovecotAuth;
  let postfix: Postfix;
  let ca = "";
  let certificate = { cert: "", key: "" };
  let stranger = { cert: "", key: "" };
  let dead = 0;

  before(async () => {
    chmodSync(folder.path, 0o755);
    const authority = await createAuthority("Postern test CA");
    ca = authority.cert;
    certificate = await createServerCertificate(authority, ["gateway.contoso.example"]);
    stranger = await createServerCertificate(await createAuthority("Another CA"), ["gateway.contoso.example"]);
    const server = await createServerCertificate(authority, ["localhost", "127.0.0.1"]);
    for (const [name, text] of [
      ["ca.pem", ca],
      ["server.pem", server.cert],
      ["server.key", server.key],
    ] as const)
      writeFileSync(join(folder.path, name), text);
    dead = await freePort();
    auth = await DovecotAuth.start(join(folder.path, "auth"), "postern", "s3cret ü");
    postfix = await Postfix.start({
      folder: join(folder.path, "postfix"),
      hostname: "exchange.contoso.example",
      port: await freePort(),
      main: {
        virtual_mailbox_domains: "contoso.example",
        virtual_mailbox_maps: "inline:{ { bob@contoso.example = bob/ } }",
        // Nobody is trusted for where he comes from.
        mynetworks: "192.0.2.0/24",
        relay_domains: "",
        smtpd_tls_security_level: "may",
        smtpd_tls_cert_file: join(folder.path, "server.pem"),
        smtpd_tls_key_file: join(folder.path, "server.key"),
        smtpd_tls_CAfile: join(folder.path, "ca.pem"),
        smtpd_tls_ask_ccert: "yes",
        smtpd_tls_loglevel: "1",
        smtpd_tls_auth_only: "yes",
        smtpd_sasl_auth_enable: "yes",
        smtpd_sasl_type: "dovecot",
        smtpd_sasl_path: auth.path,
        smtpd_relay_restrictions: "permit_tls_all_clientcerts permit_sasl_authenticated reject_unauth_destination",
        // What is relayed to the outside stays here, held, and is counted in the log.
        default_transport: "hold",
        smtpd_data_restrictions: "",
      },
    });
  });
  after(async () => {
    await postfix?.[Symbol.asyncDispose]();
    await auth?.[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const routeTo = (options: Partial<ServiceRouteOptions> = {}): Route =>
    createServiceRoute(
      {
        name: "smart",
        kind: "smart-host",
        hosts: [`localhost:${postfix.port}`],
        tls: "required",
        ca,
        allowPrivate: true,
        helloName: "gateway.contoso.example",
        ...options,
      },
      {
        dialer: new Dialer(systemResolver),
        dns: {} as Dns,
        log: silentRouteLog,
        now: () => Date.parse("2026-11-21T12:00:00Z"),
        tokens: null,
        isAccepted: () => true,
      },
    );
  const send = async (route: Route, to: string, subject: string) =>
    told(only(await route.deliver(makeTransaction({ to: [to], text: `Subject: ${subject}\r\n\r\nbody\r\n` }), never)));
  const arrived = (subject: string) =>
    until(`${subject} has arrived`, () => postfix.delivered("bob").find((content) => content.includes(`\nSubject: ${subject}\n`)), {
      timeoutMs: 20_000,
      everyMs: 50,
    });

  test("anonymous: to its own recipients, not beyond", async () => {
    await using route = routeTo();
    assert.equal(await send(route, "bob@contoso.example", "anonymous"), "relayed");
    await arrived("anonymous");
    assert.match(await send(route, "eve@fabrikam.example", "beyond"), /^(failed|delayed) 7\.1 /);
  });

  test("logged in: beyond", async () => {
    await using route = routeTo({ auth: { user: "postern", secret: "s3cret ü" } });
    assert.equal(await send(route, "eve@fabrikam.example", "logged in"), "relayed");
    assert.deepEqual(auth.tried, ["PLAIN"]);
    assert.match(postfix.log(), /sasl_method=PLAIN, sasl_username=postern/);
  });

  test("a wrong password is the route's trouble and nobody's bounce", async () => {
    await using route = routeTo({ auth: { user: "postern", secret: "wrong" } });
    assert.equal(await send(route, "eve@fabrikam.example", "wrong"), "delayed 7.8 route.auth-failed route");
  });

  test("a client certificate of the right authority: beyond; another's: not", async () => {
    await using known = routeTo({ clientCertificate: certificate });
    assert.equal(await send(known, "eve@fabrikam.example", "certificate"), "relayed");
    await using unknown = routeTo({ clientCertificate: stranger });
    assert.match(await send(unknown, "eve@fabrikam.example", "stranger"), /^(failed|delayed) 7\.1 /);
    assert.match(postfix.log(), /Trusted TLS connection established from/);
    assert.match(postfix.log(), /Untrusted TLS connection established from/);
  });

  test("one of two hosts is down: all arrives at the other", async () => {
    await using route = routeTo({ hosts: [`localhost:${dead}`, `localhost:${postfix.port}`] });
    for (let n = 0; n < 6; n++) assert.equal(await send(route, "bob@contoso.example", `turn ${n}`), "relayed");
    for (let n = 0; n < 6; n++) await arrived(`turn ${n}`);
  });

  test("probe tells the certificate, the version and the ways to log in", async () => {
    await using route = routeTo({ auth: { user: "postern", secret: "s3cret ü" } });
    const { ok, steps } = await route.probe(never);
    assert.equal(ok, true);
    const text = (name: string) => steps.findLast((step) => step.name === name)?.text ?? "";
    assert.match(text("starttls"), /TLSv1\.3/);
    assert.match(text("starttls"), /localhost/);
    assert.match(steps.map((step) => step.text).join("\n"), /AUTH PLAIN LOGIN/);
    assert.match(text("auth"), /postern/);
  });
});
