/**
 * A real Postfix takes what leaves directly, and returns it later: because a server behind it refuses, because a forwarding address is dead, or as
 * a confirmation that was asked for. Its reports come back to the bounce listener, and the senders read of them in our words.
 */
import assert from "node:assert/strict";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { createAuthority, createServerCertificate } from "../../src/lib/certificates.ts";
import { readReport } from "../../src/wire/dsn/read-report.ts";
import { postern } from "../support/cli.ts";
import { DnsServer } from "../support/dns-server.ts";
import { startForeignSmtpServer } from "../support/foreign-smtp-server.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { Postfix, skipUnlessPostfix } from "../support/postfix.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

suite("what Postfix returns", { timeout: 120_000, skip: skipUnlessPostfix() }, () => {
  const folder = temporaryFolder();
  const cleanUp = new AsyncDisposableStack();
  const internal = join(folder.path, "internal");
  let place: GatewayPlace;

  before(async () => {
    chmodSync(folder.path, 0o755);
    const authority = await createAuthority("Postern test CA");
    const { cert, key } = await createServerCertificate(authority, ["localhost"]);
    for (const [name, text] of [
      ["server.pem", cert],
      ["server.key", key],
    ] as const)
      writeFileSync(join(folder.path, name), text);
    // What stands behind Postfix, and refuses.
    const behind = cleanUp.use(
      await startForeignSmtpServer({
        onRcptTo(_address, _session, done) {
          done(Object.assign(new Error("5.7.1 Nobody wants this"), { responseCode: 554 }));
        },
      }),
    );
    const dns = cleanUp.use(await DnsServer.withZone({ "fabrikam.example MX": [{ preference: 10, exchange: "mx.fabrikam.example" }] }));
    const [relay, bounces, mx] = [await freePort(), await freePort(), await freePort()];
    place = { folder: folder.path, data: join(folder.path, "data"), config: join(folder.path, "postern.yaml"), port: relay };
    writeFileSync(
      place.config,
      `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners:
  - { name: smtp, kind: relay, port: ${relay} }
  - { name: bounces, kind: bounce, port: ${bounces}, tls: { cert: { file: server.pem }, key: { file: server.key } } }
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }]
network: { dns: { servers: ["127.0.0.1:${dns.port}"] }, hosts: { "mx.fabrikam.example:25": "127.0.0.1:${mx}" } }
domains: [{ name: contoso.example, bounces: { domain: bounce.contoso.example } }]
routes: [{ name: direct, kind: mx, mtaSts: false }, { name: internal, kind: sink, folder: internal }]
routing:
  acceptedDomains: [contoso.example]
  rules: [{ name: internal, when: { class: internal }, routes: [internal] }, { name: rest, routes: [direct] }]
http: { console: { enabled: false } }
`,
    );
    cleanUp.use(
      await Postfix.start({
        folder: join(folder.path, "postfix"),
        hostname: "mx.fabrikam.example",
        port: mx,
        main: {
          virtual_mailbox_domains: "fabrikam.example",
          virtual_mailbox_maps: "inline:{ { bob@fabrikam.example = bob/ } { filtered@fabrikam.example = filtered/ } }",
          virtual_alias_maps: "inline:{ { moved@fabrikam.example = dead@elsewhere.example } }",
          transport_maps: `inline:{ { filtered@fabrikam.example = smtp:[127.0.0.1]:${behind.port} } { elsewhere.example = smtp:[127.0.0.1]:${behind.port} } }`,
          relayhost: `[127.0.0.1]:${bounces}`,
          smtp_tls_security_level: "may",
        },
      }),
    );
    cleanUp.use(await GatewayProcess.ready(place));
  });
  after(async () => {
    await cleanUp.disposeAsync();
    folder[Symbol.dispose]();
  });

  async function send(to: readonly string[]): Promise<string> {
    using dialog = await SmtpDialog.open(place.port);
    await dialog.reply();
    await dialog.say("EHLO app.contoso.example");
    await dialog.say("MAIL FROM:<app@contoso.example>");
    for (const each of to) {
      const [address = "", ...options] = each.split(" ");
      assert.match(await dialog.say(["RCPT TO:<", address, ">", ...options.map((option) => ` ${option}`)].join("")), /^250/);
    }
    await dialog.say("DATA");
    const reply = await dialog.say("From: app@contoso.example\r\nSubject: hello\r\n\r\nbody\r\n.");
    return /queued as ([0-9A-Z]{11})/.exec(reply)?.[1] ?? assert.fail(reply);
  }

  /** The notification that the sender got about a message. */
  const told = (id: string) =>
    until(
      `a notification about ${id}`,
      () =>
        readdirSync(folder.path).includes("internal") &&
        readdirSync(internal)
          .filter((name) => name.endsWith(".eml"))
          .map((name) => readFileSync(join(internal, name)))
          .find((content) => content.includes(`X-Postern-Queue-ID: ${id}`)),
      { timeoutMs: 30_000, everyMs: 50 },
    );
  const story = async (id: string) => (await postern(["trace", id, "--data", place.data])).stdout;

  test("a server behind it refuses: the report's words reach the sender", async () => {
    const id = await send(["filtered@fabrikam.example"]);
    const [fate] = readReport(await told(id))?.recipients ?? [];
    assert.deepEqual(fate?.addresses, ["filtered@fabrikam.example"]);
    assert.equal(fate?.action, "failed");
    assert.deepEqual(fate?.reply, { code: 554, lines: ["5.7.1 Nobody wants this"] });
    assert.match(await story(id), /Bounced later: by 127\.0\.0\.1: 554 5\.7\.1 Nobody wants this\n/);
  });

  test("a forwarding address is dead: the recipient is known all the same", async () => {
    const id = await send(["moved@fabrikam.example", "bob@fabrikam.example"]);
    const [fate, ...others] = readReport(await told(id))?.recipients ?? [];
    assert.deepEqual(fate?.addresses, ["moved@fabrikam.example"]);
    assert.deepEqual(others, []);
    assert.match(await story(id), /moved@fabrikam\.example: relayed: .* It bounced later by 127\.0\.0\.1: 554 5\.7\.1/);
  });

  test("a confirmation that was asked for is passed on", async () => {
    const id = await send(["bob@fabrikam.example NOTIFY=SUCCESS,FAILURE"]);
    const notification = await told(id);
    assert.match(notification.toString(), /^Subject: Delivered: hello\r$/m);
    const [fate] = readReport(notification)?.recipients ?? [];
    assert.deepEqual([fate?.action, fate?.addresses], ["delivered", ["bob@fabrikam.example"]]);
  });
});
