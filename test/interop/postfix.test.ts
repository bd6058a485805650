/**
 * Postern between two real Postfixes: one hands mail in with STARTTLS, a verified certificate and a log-in, as a site's own mail server would; the
 * other takes it behind `tls: required` and delivers into maildirs. Both judge how we speak.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { promisify } from "node:util";
import { createAuthority, createServerCertificate } from "../../src/lib/certificates.ts";
import { postern } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { Postfix, skipUnlessPostfix } from "../support/postfix.ts";
import { skipUnless } from "../support/programs.ts";
import { runProgram } from "../support/run-program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);

/** argv: port, recipient, mail options, rcpt options (a space between, may be empty); the content on standard input. */
const smtplib = `
import smtplib, sys
port, to, mail, rcpt = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", int(port), timeout=20) as smtp:
    smtp.sendmail("app@contoso.example", [to], sys.stdin.buffer.read(), mail_options=mail.split(), rcpt_options=rcpt.split())
`;

suite("between two Postfixes", { timeout: 180_000, skip: skipUnlessPostfix() || skipUnless("python3", "smtp-source") }, () => {
  const folder = temporaryFolder();
  let place: GatewayPlace;
  let gateway: GatewayProcess;
  let upstream: Postfix;
  let downstream: Postfix;
  const internal = join(folder.path, "internal");

  before(async () => {
    chmodSync(folder.path, 0o755);
    const authority = await createAuthority("Postern test CA");
    const { cert, key } = await createServerCertificate(authority, ["localhost", "127.0.0.1"]);
    const file = (name: string, content: string): string => {
      writeFileSync(join(folder.path, name), content);
      return join(folder.path, name);
    };
    const [caFile, certFile, keyFile] = [file("ca.pem", authority.cert), file("server.pem", cert), file("server.key", key)];
    const [relay, submission] = [await freePort(), await freePort()];
    const downstreamPort = await freePort();
    place = { folder: folder.path, data: join(folder.path, "data"), config: join(folder.path, "postern.yaml"), port: relay };
    file(
      "postern.yaml",
      `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners:
  - { name: smtp, kind: relay, port: ${relay} }
  - { name: submission, kind: submission, port: ${submission}, tls: { cert: { file: server.pem }, key: { file: server.key } } }
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example", "<>"], authors: ["*"] }]
principals: [{ name: app, password: { file: password }, reversePaths: ["@contoso.example"] }]
routes:
  - { name: outside, kind: smtp, host: 127.0.0.1, port: ${downstreamPort}, allowPrivate: true, tls: required, serverName: localhost, ca: { file: ca.pem } }
  - { name: internal, kind: sink, folder: internal }
routing:
  acceptedDomains: [contoso.example]
  rules: [{ name: internal, when: { class: internal }, routes: [internal] }, { name: rest, routes: [outside] }]
http: { console: { enabled: false } }
`,
    );
    file("password", "app-secret\n");
    gateway = await GatewayProcess.ready(place);
    [upstream, downstream] = await Promise.all([
      Postfix.start({
        folder: join(folder.path, "upstream"),
        hostname: "upstream.contoso.example",
        port: await freePort(),
        main: {
          relayhost: `[localhost]:${submission}`,
          smtp_tls_security_level: "secure",
          smtp_tls_secure_cert_match: "nexthop",
          smtp_tls_CAfile: caFile,
          smtp_tls_loglevel: "1",
          smtp_sasl_auth_enable: "yes",
          smtp_sasl_security_options: "noanonymous",
          smtp_sasl_password_maps: `inline:{ { [localhost]:${submission} = app:app-secret } }`,
        },
      }),
      Postfix.start({
        folder: join(folder.path, "downstream"),
        hostname: "mx.fabrikam.example",
        port: downstreamPort,
        main: {
          virtual_mailbox_domains: "fabrikam.example",
          virtual_mailbox_maps:
            "inline:{ { bob@fabrikam.example = bob/ } { zoë@fabrikam.example = zoe/ } { many@fabrikam.example = many/ } }",
          relayhost: `[127.0.0.1]:${relay}`,
          smtpd_tls_security_level: "may",
          smtpd_tls_cert_file: certFile,
          smtpd_tls_key_file: keyFile,
          smtpd_tls_loglevel: "1",
          smtpd_tls_received_header: "yes",
        },
      }),
    ]);
  });
  after(async () => {
    await Promise.all([upstream?.[Symbol.asyncDispose](), downstream?.[Symbol.asyncDispose](), gateway?.[Symbol.asyncDispose]()]);
    folder[Symbol.dispose]();
  });

  const send = async (port: number, to: string, content: string, mail = "", rcpt = ""): Promise<void> => {
    const { code, stderr } = await runProgram("python3", ["-c", smtplib, String(port), to, mail, rcpt], { input: content });
    assert.equal(code, 0, stderr);
  };
  const arrived = (maildir: string, subject: string) =>
    until(
      `${subject} in ${maildir}`,
      () =>
        downstream
          .delivered(maildir)
          .find((content) => content.includes(`\nSubject: ${subject}\n`))
          ?.toString(),
      { timeoutMs: 20_000, everyMs: 50 },
    );
  /** Notifications for contoso.example, which the gateway writes into files. */
  const told = (text: string) =>
    until(
      `a notification with ${text}`,
      () =>
        readdirSync(folder.path).includes("internal") &&
        readdirSync(internal)
          .filter((name) => name.endsWith(".eml"))
          .map((name) => readFileSync(join(internal, name), "utf8"))
          .find((content) => content.includes(text)),
      { timeoutMs: 20_000, everyMs: 50 },
    );
  const letter = (subject: string): string =>
    `From: app@contoso.example\r\nSubject: ${subject}\r\n\r\nHello\r\n.\r\n..dots\r\n${"x".repeat(900)}\r\n`;

  test("a message goes through all three, encrypted and verified on both sides", async () => {
    await send(upstream.port, "bob@fabrikam.example", letter("through"));
    const content = await arrived("bob", "through");
    assert.ok(content.endsWith(`\n\nHello\n.\n..dots\n${"x".repeat(900)}\n`), content);
    const received = content.replaceAll(/\n[ \t]+/g, " ").match(/^Received: .*$/gm) ?? [];
    assert.match(received[0] ?? "", /from gateway\.contoso\.example .*using TLSv1\.3.* by mx\.fabrikam\.example \(Postfix\) with ESMTPS/);
    assert.match(
      received[1] ?? "",
      /from upstream\.contoso\.example .*by gateway\.contoso\.example \(Postern\) with ESMTPSA id [0-9A-Z]{11}\b/,
    );
    assert.match(received[2] ?? "", /by upstream\.contoso\.example \(Postfix\) with ESMTP/);
    assert.match(upstream.log(), /Verified TLS connection established to localhost/);
    assert.match(upstream.log(), /relay=localhost\[127\.0\.0\.1\]:\d+, .*status=sent \(250 2\.0\.0 Ok: queued as [0-9A-Z]{11}\)/);
  });

  test("SMTPUTF8 survives", async () => {
    await send(place.port, "zoë@fabrikam.example", "From: app@contoso.example\r\nSubject: utf8\r\n\r\nGrüße\r\n", "SMTPUTF8 BODY=8BITMIME");
    assert.match(await arrived("zoe", "utf8"), /for <zoë@fabrikam\.example>[^]*\n\nGrüße\n$/);
  });

  test("DSN parameters pass through to a next hop that reports success itself", async () => {
    await send(
      upstream.port,
      "bob@fabrikam.example",
      letter("receipt"),
      "RET=HDRS ENVID=QQ314",
      "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Bob@fabrikam.example",
    );
    await arrived("bob", "receipt");
    const report = await told("Action: delivered");
    assert.match(report, /Reporting-MTA: dns; mx\.fabrikam\.example/);
    assert.match(report, /Original-Envelope-Id: QQ314/);
    assert.match(report, /Status: 2\./);
  });

  test("what it refuses is told to the sender in its words", async () => {
    await send(upstream.port, "nobody@fabrikam.example", letter("refused"));
    const report = await told("nobody@fabrikam.example");
    assert.match(report, /^Final-Recipient: rfc822; nobody@fabrikam\.example\r$/m);
    assert.match(report, /^Status: 5\.1\.1\r$/m);
    assert.match(report, /^Diagnostic-Code: smtp; 550 5\.1\.1 /m);
    assert.match(report, /^Reporting-MTA: dns; gateway\.contoso\.example\r$/m);
  });

  test("while it is down mail waits, and goes when it is back", async () => {
    await downstream.stop();
    await send(place.port, "bob@fabrikam.example", letter("patient"));
    await until("it waits", async () => /network\.connect|ECONNREFUSED/.test((await postern(["queue", "--data", place.data])).stdout), {
      everyMs: 200,
    });
    await downstream.start();
    assert.equal((await postern(["queue", "retry", "--all", "--yes", "--data", place.data])).code, 0);
    await arrived("bob", "patient");
  });

  test("two hundred at once from smtp-source, each once", async () => {
    await run("smtp-source", [
      "-s",
      "20",
      "-m",
      "200",
      "-l",
      "4096",
      "-f",
      "app@contoso.example",
      "-t",
      "many@fabrikam.example",
      `127.0.0.1:${place.port}`,
    ]);
    await until("all of them", () => downstream.delivered("many").length >= 200, { timeoutMs: 30_000, everyMs: 100 });
    assert.equal((await postern(["queue", "--count", "--data", place.data])).stdout, "0\n");
    assert.equal(downstream.delivered("many").length, 200);
  });

  test("neither found anything to complain about", () => {
    for (const postfix of [upstream, downstream])
      assert.doesNotMatch(
        postfix.log(),
        /improper command|lost connection after (?!CONNECT)|timeout after|SMTP protocol|warning: (?!.*(?:hostname|dict|symlink))/,
      );
  });
});
