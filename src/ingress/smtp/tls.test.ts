import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { app, DoorUnderTest, message, testCertificates, until } from "../../../test/support/smtp-door.ts";
import { createServerCertificate, type Certificate } from "../../lib/certificates.ts";

/** `\0app\0app-secret` and the like. */
const plain = (user: string, password: string, actingFor = ""): string =>
  Buffer.from(`${actingFor}\0${user}\0${password}`).toString("base64");
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("TLS and log-in", () => {
  let authority: Certificate;
  let door: DoorUnderTest;
  const client = { ca: "" };

  before(async () => {
    const certificates = await testCertificates();
    authority = certificates.authority;
    client.ca = authority.cert;
    const tls = certificates.server;
    door = await DoorUnderTest.open({
      listeners: [
        { name: "smtp", kind: "relay", tls },
        { name: "bare", kind: "relay" },
        { name: "submission", kind: "submission", tls },
        { name: "submissions", kind: "submissions", tls },
        { name: "legacy", kind: "legacy", tls, networks: ["loopback"] },
        { name: "fenced", kind: "legacy", tls, networks: ["nowhere"] },
      ],
      principals: [app, { name: "scanner", password: "short", reversePaths: ["scanner@contoso.example"] }],
      networks: [
        { name: "loopback", addresses: ["127.0.0.0/8"], reversePaths: ["@contoso.example"] },
        { name: "nowhere", addresses: ["192.0.2.0/24"], reversePaths: ["*"] },
      ],
      identityDeps: {
        lockOutLimits: {
          perPair: { failures: 3, perMs: 60_000 },
          perAddress: { failures: 1000, perMs: 60_000 },
          firstDelayMs: 1,
          maxDelayMs: 4,
        },
      },
    });
  });
  after(() => door[Symbol.asyncDispose]());

  async function secure(listener = "submission"): Promise<SmtpDialog> {
    if (listener === "submissions") {
      const dialog = await SmtpDialog.openTls(door.port(listener), client);
      await dialog.reply();
      await dialog.say("EHLO app.contoso.example");
      return dialog;
    }
    const dialog = await SmtpDialog.open(door.port(listener));
    await dialog.reply();
    await dialog.say("EHLO app.contoso.example");
    assert.match(await dialog.say("STARTTLS"), /^220 /);
    await dialog.startTls(client);
    await dialog.say("EHLO app.contoso.example");
    return dialog;
  }

  for (const listener of ["smtp", "submission", "submissions", "legacy"]) {
    test(`AUTH PLAIN and a message on ${listener}`, async () => {
      using dialog = await secure(listener);
      assert.match(await dialog.say(`AUTH PLAIN ${plain("app", "app-secret")}`), /^235 2\.7\.0 /);
      dialog.send("MAIL FROM:<app@contoso.example>\r\nRCPT TO:<x@fabrikam.example>\r\nDATA\r\n");
      for (const code of ["250", "250", "354"]) assert.equal((await dialog.reply()).slice(0, 3), code);
      assert.match(await dialog.say(`${message}.`), /^250 2\.0\.0 Ok: queued as /);
      const draft = door.submit.messages.at(-1)?.draft;
      assert.equal(draft?.principal.name, "app");
      assert.equal(draft?.protocol, "ESMTPSA");
      assert.equal(draft?.origin.auth, "PLAIN");
      assert.match(draft?.origin.tls ?? "", /^TLSv1\.[23] TLS_/);
    });
  }

  test("AUTH LOGIN, and PLAIN with an initial response to follow", async () => {
    using dialog = await secure();
    assert.equal(await dialog.say("AUTH LOGIN"), `334 ${base64("Username:")}`);
    assert.equal(await dialog.say(base64("app")), `334 ${base64("Password:")}`);
    assert.match(await dialog.say(base64("app-secret")), /^235 /);
    using other = await secure();
    assert.match(await other.say("AUTH PLAIN"), /^334/);
    assert.match(await other.say(plain("app", "app-secret")), /^235 /);
  });

  test("a stolen printer password does not make a director", async () => {
    using dialog = await secure();
    assert.match(await dialog.say(`AUTH PLAIN ${plain("scanner", "short")}`), /^235 /);
    assert.match(await dialog.say("MAIL FROM:<director@contoso.example>"), /^550 5\.7\.1 /);
    assert.match(await dialog.say("MAIL FROM:<scanner@contoso.example>"), /^250 /);
  });

  test("nobody acts for somebody else, and without an issuer no token is asked for", async () => {
    using dialog = await secure();
    assert.match(await dialog.say(`AUTH PLAIN ${plain("app", "app-secret", "director")}`), /^535 5\.7\.8 /);
    using other = await secure();
    // RFC 4954 §4: a mechanism that is not offered.
    assert.match(await other.say(`AUTH XOAUTH2 ${base64("user=app\x01auth=Bearer e30\x01\x01")}`), /^504 5\.5\.4 /);
  });

  test("wrong passwords are 535, then the pair is locked out with 454, other devices are not", async () => {
    using dialog = await secure();
    for (let i = 0; i < 3; i++) assert.match(await dialog.say(`AUTH PLAIN ${plain("ghost", "x")}`), /^535 5\.7\.8 /);
    assert.match(await dialog.say(`AUTH PLAIN ${plain("ghost", "x")}`), /^454 4\.7\.0 /);
    await door.fact("logInFailed ghost PLAIN submission.locked-out");
    assert.match(await dialog.say(`AUTH PLAIN ${plain("app", "app-secret")}`), /^235 /);
    assert.ok(door.facts.every((fact) => !fact.includes("app-secret")));
  });

  test("AUTH in plain text is refused before the password could be believed", async () => {
    using dialog = await SmtpDialog.open(door.port("submission"));
    await dialog.reply();
    assert.doesNotMatch(await dialog.say("EHLO x"), /AUTH/);
    assert.match(await dialog.say(`AUTH PLAIN ${plain("app", "app-secret")}`), /^5(02|03|30|38) 5\./);
  });

  test("what was sent in plain text with STARTTLS is thrown away", async () => {
    using dialog = await SmtpDialog.open(door.port("smtp"));
    await dialog.reply();
    await dialog.say("EHLO x");
    dialog.send("STARTTLS\r\nMAIL FROM:<evil@contoso.example>\r\nRCPT TO:<x@contoso.example>\r\n");
    assert.match(await dialog.reply(), /^220 /);
    await dialog.startTls(client);
    // Nothing of it was answered, nothing of it is remembered.
    assert.match(await dialog.say("RCPT TO:<x@contoso.example>"), /^503 /);
    assert.match(await dialog.say("EHLO x"), /^250-/);
    assert.match(await dialog.say("RCPT TO:<x@contoso.example>"), /^503 /);
    assert.equal(dialog.rest, "");
  });

  test("what was said before STARTTLS is forgotten", async () => {
    using dialog = await SmtpDialog.open(door.port("smtp"));
    await dialog.reply();
    await dialog.say("EHLO x");
    assert.match(await dialog.say("MAIL FROM:<app@contoso.example>"), /^250 /);
    await dialog.say("RSET");
    await dialog.say("STARTTLS");
    await dialog.startTls(client);
    assert.match(await dialog.say("MAIL FROM:<app@contoso.example>"), /^503 /);
  });

  test("TLS below 1.2 is refused, except on a legacy listener, which is fenced", async () => {
    const old = { ...client, minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await assert.rejects(SmtpDialog.openTls(door.port("submissions"), old));
    await door.fact("tlsFailed");
    using dialog = await SmtpDialog.open(door.port("legacy"));
    await dialog.reply();
    await dialog.say("EHLO old-scanner");
    await dialog.say("STARTTLS");
    await dialog.startTls(old);
    await dialog.say("EHLO old-scanner");
    await dialog.say("QUIT");
    await dialog.closed();
    dialog.socket.end();
    await until(() =>
      door.devices.snapshot().some((device) => device.listener === "legacy" && device.tls.some((tls) => tls.startsWith("TLSv1 "))),
    );
    using stranger = await SmtpDialog.open(door.port("fenced"));
    assert.match(await stranger.reply(), /^554 5\.7\.1 /);
    await stranger.closed();
  });

  test("another certificate is used from the next handshake on, connections stay", async () => {
    using before = await secure("submissions");
    const next = await createServerCertificate(authority, ["next.contoso.example"]);
    const tls = await createServerCertificate(authority, ["localhost"]);
    door.door.useCertificate("submissions", next);
    await assert.rejects(SmtpDialog.openTls(door.port("submissions"), client), /altnames|ERR_TLS_CERT_ALTNAME_INVALID/);
    using after = await SmtpDialog.openTls(door.port("submissions"), { ...client, servername: "next.contoso.example" });
    assert.match(await after.reply(), /^220 /);
    assert.match(await before.say("NOOP"), /^250 /);
    assert.throws(() => door.door.useCertificate("submissions", { cert: "x", key: "y" }));
    door.door.useCertificate("submissions", tls);
  });
});

describe("a ClientHello on a plain port", () => {
  let door: DoorUnderTest;
  const client = { ca: "" };

  before(async () => {
    const { server, authority } = await testCertificates();
    client.ca = authority.cert;
    door = await DoorUnderTest.open({
      listeners: [
        { name: "smtp", kind: "relay", tls: server },
        { name: "bare", kind: "relay" },
      ],
    });
  });
  after(() => door[Symbol.asyncDispose]());

  test("that crossed the greeting is remembered, and served as TLS the next time", async () => {
    // OpenSSL takes the plain greeting for a broken record and gives up, as the devices do.
    await assert.rejects(SmtpDialog.openTls(door.port("smtp"), client));
    await door.fact("tlsOnPlainPort crossed");
    using dialog = await SmtpDialog.openTls(door.port("smtp"), client);
    assert.match(await dialog.reply(), /^220 /);
    await door.fact("tlsOnPlainPort expected");
    assert.match(await dialog.say("EHLO scanner"), /250[- ]AUTH/);
    assert.match(await dialog.say("MAIL FROM:<app@contoso.example>"), /^250 /);
    await dialog.say("QUIT");
    await dialog.closed();
    dialog.socket.end();
    await until(() => door.devices.snapshot().some((device) => device.tlsOnPlainPort && device.names.includes("scanner")));
    // A plain client behind the same address is greeted after the wait.
    const start = performance.now();
    using plainClient = await SmtpDialog.open(door.port("smtp"));
    assert.match(await plainClient.reply(), /^220 /);
    const waited = performance.now() - start;
    assert.ok(waited > 250, `waited ${waited} ms`);
    // One that speaks first does not wait for the end of it.
    using eager = await SmtpDialog.open(door.port("smtp"));
    eager.send("EHLO x\r\n");
    assert.match(await eager.reply(), /^220 /);
    assert.match(await eager.reply(), /^250-/);
  });

  test("in two pieces is recognised by its first byte", async () => {
    const hello = await clientHello();
    const socket = connect({ port: door.port("smtp"), host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    socket.write(hello.subarray(0, 1));
    await until(() => door.facts.filter((fact) => fact.startsWith("tlsOnPlainPort")).length > 2);
    socket.write(hello.subarray(1));
    const [answer] = (await once(socket, "data")) as [Buffer];
    // A handshake record: the ServerHello.
    assert.equal(answer[0], 0x16);
    socket.destroy();
  });

  test("without a certificate is a line nobody understands", async () => {
    using dialog = await SmtpDialog.open(door.port("bare"));
    await dialog.reply();
    dialog.send(Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0, 0, 1, 0]), Buffer.from("\r\n")]));
    assert.match(await dialog.reply(), /^5\d\d 5\./);
  });

  test("in the middle of a session is no handshake", async () => {
    using dialog = await SmtpDialog.open(door.port("smtp"));
    await dialog.reply();
    await dialog.say("EHLO x");
    dialog.send(Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0, 0, 1, 0]), Buffer.from("\r\n")]));
    assert.match(await dialog.reply(), /^5\d\d 5\./);
    assert.match(await dialog.say("NOOP"), /^250 /);
  });
});

/** The first bytes that a TLS client sends. */
async function clientHello(): Promise<Buffer> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connectTls({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  client.on("error", () => undefined);
  const [socket] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}
