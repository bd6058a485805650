import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { createTransport } from "nodemailer";
import { skipUnless } from "../../../test/support/programs.ts";
import { login, openRoom, sendMail } from "../../../test/support/room-client.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";

import type { House } from "../house.ts";
import { MessageWriter } from "../messages/message-writer.ts";
import { RoomTexts } from "../texts/room-texts.ts";
import { Published } from "../published.ts";
import { Usage } from "../usage/usage.ts";
import { SendgridSmtpSession } from "./sendgrid-smtp-session.ts";

const run = promisify(execFile);
const key = "SG.sandbox-public-key.0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF";
const plain = (user: string, password: string) => `AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString("base64")}`;

async function logged(sandbox: TestSandbox): Promise<SmtpDialog> {
  const dialog = await openRoom(sandbox, "sendgrid-smtp");
  assert.match(await dialog.say(plain("apikey", key)), /^235 /);
  return dialog;
}

suite("SendGrid SMTP", () => {
  test("apikey and a key, by PLAIN and LOGIN, with TLS and without", async () => {
    await using sandbox = await openTestSandbox();
    const wrong = "535 Authentication failed: The provided authorization grant is invalid, expired, or revoked";
    using clear = await SmtpDialog.open(sandbox.port("sendgrid-smtp"));
    await clear.reply();
    assert.match(await clear.say("EHLO client.example"), /AUTH PLAIN LOGIN/);
    assert.match(await clear.say("MAIL FROM:<a@contoso.example>"), /^550 /, "nobody sends without a key");
    assert.equal(await clear.say(plain("apikey", `${key}x`)), wrong);
    assert.equal(await clear.say(plain("someone", key)), wrong);
    assert.match(await clear.say(plain("apikey", key)), /^235 /);
    using secure = await openRoom(sandbox, "sendgrid-smtp");
    assert.match(await login(secure, "apikey", key), /^235 /);
    assert.match(await sendMail(secure, "a@contoso.example", ["ann@fabrikam.example"]), /^250 /);
  });

  test("senders must be verified", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    const unverified =
      /^550 The from address does not match a verified Sender Identity\. Mail cannot be sent until this error is resolved\. Visit /;
    assert.match(await sendMail(dialog, "a@fabrikam.example", ["bob@contoso.example"]), unverified);
    // It is From that counts.
    const content = "From: a@contoso.example, b@fabrikam.example\r\n\r\nhi\r\n";
    assert.match(await sendMail(dialog, "a@contoso.example", ["bob@contoso.example"], content), unverified);
    await sandbox.call("PATCH", "/api/tenant/sendgrid", { verifiedSenders: ["News@fabrikam.example"] });
    assert.match(await sendMail(dialog, "news@fabrikam.example", ["bob@contoso.example"]), /^250 /);
    assert.match(await sendMail(dialog, "a@contoso.example", ["bob@contoso.example"]), unverified);
  });

  test("credits run out, for who sends and for who logs in; a reset gives them back", async () => {
    await using sandbox = await openTestSandbox();
    await sandbox.call("PATCH", "/api/tenant/sendgrid", { credits: 3 });
    const exhausted = "451 Authentication failed: Maximum credits exceeded";
    using dialog = await logged(sandbox);
    assert.match(await sendMail(dialog, "a@contoso.example", ["x@fabrikam.example", "y@fabrikam.example"]), /^250 /);
    assert.equal(await sendMail(dialog, "a@contoso.example", ["x@fabrikam.example", "y@fabrikam.example"]), exhausted);
    assert.match(await sendMail(dialog, "a@contoso.example", ["x@fabrikam.example"]), /^250 /);
    using late = await openRoom(sandbox, "sendgrid-smtp");
    assert.equal(await late.say(plain("apikey", key)), exhausted);
    const usage: { service: string; account: string }[] = (await sandbox.call("GET", "/api/usage")).body;
    assert.ok(!JSON.stringify(usage).includes(key), "the key is nobody's business");
    await sandbox.call("POST", "/api/reset");
    assert.match(await late.say(plain("apikey", key)), /^235 /);
  });

  test("X-SMTPAPI names the recipients and categories, and does not travel", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    const api = `X-SMTPAPI: {"to": ["Ann <ann@fabrikam.example>", "bea@gmail.example"],\r\n "category": ["news", "Herbstgrüße"]}\r\n`;
    const content = `From: a@contoso.example\r\n${api}Subject: list\r\n\r\nX-SMTPAPI: stays here\r\n`;
    assert.match(await sendMail(dialog, "a@contoso.example", ["placeholder@contoso.example"], content), /^250 /);
    const [message] = await sandbox.messages("?service=sendgrid-smtp");
    assert.deepEqual(message?.rcptTo, ["ann@fabrikam.example", "bea@gmail.example"]);
    assert.deepEqual(message?.categories, ["news", "Herbstgrüße"]);
    const raw = await (await fetch(`${sandbox.url}/api/messages/${message?.id}/raw`)).text();
    assert.ok(raw.endsWith("From: a@contoso.example\r\nSubject: list\r\n\r\nX-SMTPAPI: stays here\r\n"), raw);
    for (const broken of ["{", "[]", '{"to": 1}', '{"to": ["nobody"]}', '{"to": ["a@b.example\\r\\nX: y"]}', '{"category": {}}', "null"]) {
      const reply = await sendMail(
        dialog,
        "a@contoso.example",
        ["x@fabrikam.example"],
        `From: a@contoso.example\r\nX-SMTPAPI: ${broken}\r\n\r\nhi\r\n`,
      );
      assert.match(reply, /^550 /, broken);
    }
  });

  test("1,000 recipients, 30 MB", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    dialog.send(
      `MAIL FROM:<a@contoso.example>\r\n${Array.from({ length: 1001 }, (_, n) => `RCPT TO:<r${n}@fabrikam.example>\r\n`).join("")}RSET\r\n`,
    );
    for (let count = 0; count <= 1000; count++) assert.match(await dialog.reply(), /^250 /);
    assert.match(await dialog.reply(), /^452 /);
    await dialog.reply();
    assert.match(await dialog.say("MAIL FROM:<a@contoso.example> SIZE=31457281"), /^552 /);
  });

  test("5,000 messages for one connection", async () => {
    await using sandbox = await openTestSandbox();
    using folder = temporaryFolder();
    let taken = 0;
    // The session as it is, with a post that keeps nothing: 5,000 files would take longer than the rest of this file.
    const usage = new Usage();
    const house = {
      tenant: sandbox.sandbox.tenant,
      usage,
      published: new Published(new Map()),
      clock: { now: () => Date.parse("2026-11-21T00:00:00Z") },
      options: { rooms: { replies: {} } },
      post: { take: () => Promise.resolve({ id: String(++taken) }), carry: () => undefined },
    } as unknown as House;
    const window = usage.window({ service: "sendgrid-smtp", what: "credits", ms: Infinity });
    const session = new SendgridSmtpSession({
      house,
      hostname: "smtp.sendgrid.net",
      texts: new RoomTexts(house, "smtp.sendgrid.net"),
      credits: window,
      trial: window,
    });
    assert.equal(await session.authenticate({ mechanism: "LOGIN", user: "apikey", password: key }), null);
    const content = new MessageWriter(folder.path);
    await content.write(Buffer.from("From: a@contoso.example\r\n\r\nhi\r\n"));
    const message = {
      envelope: { reversePath: "a@contoso.example", recipients: [{ address: "x@fabrikam.example" }] },
      content,
      facts: { size: content.size, leadingDots: false, eightBit: false },
      client: { address: "127.0.0.1", hello: "client.example", tls: null },
    };
    for (let count = 0; count < 5000; count++) {
      assert.equal(await session.mail({ reversePath: "a@contoso.example" }), null);
      assert.ok("reply" in (await session.take(message)));
    }
    assert.equal((await session.mail({ reversePath: "a@contoso.example" }))?.code, 421);
    assert.equal(taken, 5000);
  });

  test("nodemailer, and Python's smtplib", { skip: skipUnless("python3") }, async () => {
    await using sandbox = await openTestSandbox();
    const port = sandbox.port("sendgrid-smtp");
    const transport = createTransport({ host: "localhost", port, tls: { ca: sandbox.ca }, auth: { user: "apikey", pass: key } });
    await transport.sendMail({ from: "a@contoso.example", to: "ann@fabrikam.example", subject: "by nodemailer", text: "hi" });
    transport.close();
    const script = `
import smtplib, sys
with smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=10) as smtp:
    smtp.login("apikey", "${key}")
    smtp.sendmail("a@contoso.example", ["ann@fabrikam.example"], b"From: a@contoso.example\\r\\n\\r\\nhi\\r\\n")
`;
    await run("python3", ["-c", script, String(port)]);
    assert.equal((await sandbox.messages("?service=sendgrid-smtp")).length, 2);
  });
});
