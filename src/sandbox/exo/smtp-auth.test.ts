import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { changeTenant, first, login, openRoom, sendMail, tokenFor, xoauth2 } from "../../../test/support/room-client.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { until } from "../../../test/support/until.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";

import { credentials } from "../credentials.ts";
import type { House } from "../house.ts";
import { RoomTexts } from "../texts/room-texts.ts";
import { Usage } from "../usage/usage.ts";
import { OutboundPolicies } from "./outbound-policy.ts";
import { SmtpAuthSession } from "./smtp-auth-session.ts";

const user = "app@contoso.example";
const password = "Sandbox-Mailbox-1";
const scope = "https://outlook.office365.com/.default";

/** What a log-in by password hears. */
async function byPassword(sandbox: TestSandbox, name = user, secret = password): Promise<string> {
  using dialog = await openRoom(sandbox, "smtp-auth");
  return await login(dialog, name, secret);
}

async function byToken(sandbox: TestSandbox, token: string, name = user): Promise<string> {
  using dialog = await openRoom(sandbox, "smtp-auth");
  return await xoauth2(dialog, name, token);
}

async function logged(sandbox: TestSandbox): Promise<SmtpDialog> {
  const dialog = await openRoom(sandbox, "smtp-auth");
  assert.equal(await login(dialog, user, password), "235 2.7.0 Authentication successful");
  return dialog;
}

const policies = (sandbox: TestSandbox, change: object) => sandbox.call("PATCH", "/api/tenant/policies", change);
const mailbox = (sandbox: TestSandbox, change: object) => sandbox.call("PATCH", `/api/tenant/mailboxes/${user}`, change);
const clock = (sandbox: TestSandbox, change: object) => sandbox.call("POST", "/api/clock", change);

suite("smtp.office365.com", () => {
  test("greeting, EHLO before and after STARTTLS, and what has to come first", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await SmtpDialog.open(sandbox.port("smtp-auth"));
    assert.match(
      await dialog.reply(),
      /^220 [a-z.]+\.outlook\.office365\.com Microsoft ESMTP MAIL Service ready at \w{3}, \d{1,2} \w{3} \d{4} /,
    );
    const plain = (await dialog.say("EHLO client.example")).split("\n").map((line) => line.slice(4));
    assert.ok(plain.includes("STARTTLS") && plain.includes("SIZE 157286400"), plain.join());
    assert.ok(!plain.some((line) => line.startsWith("AUTH")), "no AUTH without TLS");
    assert.match(await dialog.say("MAIL FROM:<app@contoso.example>"), /^530 5\.7\.57 Client not authenticated to send mail/);
    assert.match(await dialog.say("AUTH LOGIN"), /^504 5\.7\.4 /);
    await dialog.say("STARTTLS");
    await dialog.startTls({ ca: sandbox.ca });
    const secure = (await dialog.say("EHLO client.example")).split("\n").map((line) => line.slice(4));
    assert.ok(secure.includes("AUTH LOGIN XOAUTH2"), secure.join());
    assert.ok(!secure.includes("STARTTLS"));
    assert.match(await dialog.say("MAIL FROM:<app@contoso.example>"), /^530 5\.7\.57 Client not authenticated to send mail/);
    assert.equal(await dialog.say("AUTH PLAIN AGEAYg=="), "504 5.7.4 Unrecognized authentication type");
    assert.equal(await dialog.say("AUTH CRAM-MD5"), "504 5.7.4 Unrecognized authentication type");
  });

  test("both forms of LOGIN and XOAUTH2, and a message that says who sent it", async () => {
    await using sandbox = await openTestSandbox();
    assert.equal(await byPassword(sandbox), "235 2.7.0 Authentication successful");
    using initial = await openRoom(sandbox, "smtp-auth");
    assert.equal(await initial.say(`AUTH LOGIN ${Buffer.from(user).toString("base64")}`), "334 UGFzc3dvcmQ6");
    assert.equal(await initial.say(Buffer.from(password).toString("base64")), "235 2.7.0 Authentication successful");
    const token = await tokenFor(sandbox, scope);
    assert.equal(await byToken(sandbox, token), "235 2.7.0 Authentication successful");
    using separate = await openRoom(sandbox, "smtp-auth");
    assert.equal(await separate.say("AUTH XOAUTH2"), "334");
    const response = Buffer.from(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`).toString("base64");
    assert.equal(await separate.say(response), "235 2.7.0 Authentication successful");
    assert.match(await sendMail(separate, user, ["bob@contoso.example", "ann@fabrikam.example"]), /^250 2\.0\.0 /);
    const [message] = await sandbox.messages("?service=smtp-auth");
    assert.equal(message?.account, user);
    assert.deepEqual(message?.rcptTo, ["bob@contoso.example", "ann@fabrikam.example"]);
  });

  test("each defect of a log-in by password has its reply", async () => {
    await using sandbox = await openTestSandbox();
    assert.match(await byPassword(sandbox, "nobody@contoso.example"), /^535 5\.7\.3 Authentication unsuccessful \[/);
    assert.match(
      await byPassword(sandbox, user, "wrong"),
      /^535 5\.7\.139 Authentication unsuccessful, the user credentials were incorrect\. \[/,
    );
    await policies(sandbox, { smtpClientAuthenticationDisabled: true });
    assert.match(
      await byPassword(sandbox),
      /^535 5\.7\.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant\. Visit https:\/\/aka\.ms\/smtp_auth_disabled for more information\. \[/,
    );
    await mailbox(sandbox, { smtpClientAuthenticationDisabled: false });
    assert.match(await byPassword(sandbox), /^235 /, "the mailbox's switch wins");
    await policies(sandbox, { smtpClientAuthenticationDisabled: false });
    await mailbox(sandbox, { smtpClientAuthenticationDisabled: true });
    assert.match(await byPassword(sandbox), /5\.7\.139 .*SmtpClientAuthentication is disabled for the Mailbox\. Visit/);
    await mailbox(sandbox, { smtpClientAuthenticationDisabled: null });
    await policies(sandbox, { securityDefaults: true });
    assert.match(
      await byPassword(sandbox),
      /^535 5\.7\.139 Authentication unsuccessful, user is locked by your organization's security defaults policy/,
    );
    await policies(sandbox, { securityDefaults: false });
    await mailbox(sandbox, { allowBasicAuthSmtp: false });
    assert.match(
      await byPassword(sandbox),
      /^535 5\.7\.139 Authentication unsuccessful, the organization configuration does not allow this authentication/,
    );
  });

  test("a token opens what its claims and the tenant allow, and nothing else", async () => {
    await using sandbox = await openTestSandbox();
    const refused = /^535 5\.7\.3 Authentication unsuccessful \[/;
    const token = await tokenFor(sandbox, scope);
    assert.match(await byToken(sandbox, `${token.slice(0, -4)}AAAA`), refused, "signature");
    assert.match(await byToken(sandbox, await tokenFor(sandbox, "https://graph.microsoft.com/.default")), refused, "audience");
    assert.match(await byToken(sandbox, token, "nobody@contoso.example"), refused, "no such mailbox");
    await mailbox(sandbox, { fullAccess: [] });
    assert.match(await byToken(sandbox, token), refused, "no FullAccess");
    await mailbox(sandbox, { fullAccess: ["5a9db0c5-0000-4000-8000-00000000b001"] });
    assert.match(await byToken(sandbox, token), /^235 /);
    changeTenant(sandbox, (tenant) => ({ ...tenant, applications: first(tenant.applications, { registeredInExchange: false }) }));
    assert.match(await byToken(sandbox, token), refused, "New-ServicePrincipal was forgotten");
    changeTenant(sandbox, (tenant) => ({
      ...tenant,
      applications: first(tenant.applications, {
        registeredInExchange: true,
        permissions: (tenant.applications[0]?.permissions ?? []).filter(({ name }) => name !== "SMTP.SendAsApp"),
      }),
    }));
    assert.match(await byToken(sandbox, await tokenFor(sandbox, scope)), refused, "no SMTP.SendAsApp");
    const delegated = await tokenFor(sandbox, "https://outlook.office.com/SMTP.Send", { name: user, password });
    assert.match(await byToken(sandbox, delegated), /^235 /);
    await sandbox.call("PUT", "/api/tenant/mailboxes/shared@contoso.example", { kind: "shared" });
    assert.match(await byToken(sandbox, delegated, "shared@contoso.example"), refused, "no right to the shared mailbox");
    await mailbox(sandbox, { sendAs: ["shared@contoso.example"] });
    assert.match(await byToken(sandbox, delegated, "shared@contoso.example"), /^235 /);
    // The switch concerns tokens too, security defaults do not.
    await policies(sandbox, { securityDefaults: true });
    assert.match(await byToken(sandbox, delegated), /^235 /);
    await policies(sandbox, { smtpClientAuthenticationDisabled: true });
    assert.match(await byToken(sandbox, delegated), /SmtpClientAuthentication is disabled for the Tenant/);
  });

  test("passwords by the clock: December 2026, January 2027, switched on again, a new tenant", async () => {
    await using sandbox = await openTestSandbox();
    assert.equal((await clock(sandbox, { now: "2026-12-30T23:00:00Z" })).status, 200);
    const token = await tokenFor(sandbox, scope);
    assert.match(await byPassword(sandbox), /^235 /);
    await clock(sandbox, { now: "2027-01-01T00:00:00Z" });
    assert.match(await byPassword(sandbox), /^535 5\.7\.139 .*SmtpClientAuthentication is disabled for the Tenant/);
    assert.match(await byToken(sandbox, token), /^235 /, "OAuth goes on");
    await policies(sandbox, { basicAuthReEnabled: true });
    assert.match(await byPassword(sandbox), /^235 /);
    await sandbox.call("PATCH", "/api/tenant", { createdOn: "2027-01-02" });
    await clock(sandbox, { now: "2027-01-03T00:00:00Z" });
    assert.equal(await byPassword(sandbox), "550 5.7.30 Basic authentication is not supported for Client Submission.");
    assert.match(await byToken(sandbox, token), /^235 /, "OAuth only");
  });

  test("an unverified text can be replaced", async () => {
    await using sandbox = await openTestSandbox({ replies: { "smtp-auth-basic-new-tenant": "535 5.7.30 not here, [host]" } });
    await sandbox.call("PATCH", "/api/tenant", { createdOn: "2027-01-02" });
    assert.equal(await byPassword(sandbox), "535 5.7.30 not here, sandbox.outlook.office365.com");
  });

  test("senders: SendAs at MAIL and after DATA, repeated offenders, a blocked one", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    assert.match(await sendMail(dialog, "scanner@contoso.example", ["bob@contoso.example"]), /^250 /);
    assert.match(
      await sendMail(dialog, "boss@contoso.example", ["bob@contoso.example"]),
      /^550 5\.7\.60 SMTP; Client does not have permissions to send as this sender/,
    );
    assert.match(await dialog.say("MAIL FROM:<>"), /^550 5\.7\.60 /);
    const forged = "From: app@contoso.example, boss@contoso.example\r\n\r\nhi\r\n";
    assert.match(
      await sendMail(dialog, user, ["bob@contoso.example"], forged),
      /^554 5\.2\.252 SendAsDenied; app@contoso\.example not allowed to send as boss@contoso\.example; STOREDRV\.Submission\.Exception:SendAsDeniedException/,
    );
    for (let count = 0; count < 7; count++) await dialog.say("MAIL FROM:<boss@contoso.example>");
    assert.equal(
      await dialog.say(`MAIL FROM:<${user}>`),
      "550 5.2.252 Sender throttled due to continuous send as denied errors",
      "even for the right sender",
    );
    await clock(sandbox, { advance: "1h" });
    await mailbox(sandbox, { senderBlocked: true });
    assert.equal(await dialog.say(`MAIL FROM:<${user}>`), "550 5.1.8 Access denied, bad outbound sender");
    assert.equal((await sandbox.messages("?service=smtp-auth")).length, 1);
  });

  test("recipients and size of a message", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    await dialog.say(`MAIL FROM:<${user}>`);
    for (let count = 0; count < 500; count++) dialog.send(`RCPT TO:<r${count}@contoso.example>\r\n`);
    for (let count = 0; count < 500; count++) assert.match(await dialog.reply(), /^250 /);
    assert.match(await dialog.say("RCPT TO:<last@contoso.example>"), /^550 5\.5\.3 Too many recipients/);
    await dialog.say("RSET");
    await mailbox(sandbox, { recipientLimit: 1, maxSendSize: 1000 });
    await dialog.say(`MAIL FROM:<${user}>`);
    assert.match(await dialog.say("RCPT TO:<a@contoso.example>"), /^250 /);
    assert.match(await dialog.say("RCPT TO:<b@contoso.example>"), /^550 5\.5\.3 /);
    await dialog.say("RSET");
    assert.match(await dialog.say(`MAIL FROM:<${user}> SIZE=1001`), /^552 5\.3\.4 /);
    const content = `From: ${user}\r\n\r\n${"x".repeat(970)}\r\n`;
    assert.ok(content.length > 1000);
    assert.match(
      await sendMail(dialog, user, ["a@contoso.example"], content),
      /^552 5\.3\.4 Message size exceeds fixed maximum message size/,
    );
    await mailbox(sandbox, { maxSendSize: content.length });
    assert.match(await sendMail(dialog, user, ["a@contoso.example"], content), /^250 /, "to the last octet");
  });

  test("the fourth connection of a mailbox waits for one of three to go", async () => {
    await using sandbox = await openTestSandbox();
    const dialogs = await Promise.all([1, 2, 3].map(() => logged(sandbox)));
    using fourth = await logged(sandbox);
    const crowded =
      /^432 4\.3\.2 Concurrent connections limit exceeded\. Visit https:\/\/aka\.ms\/concurrent_sending for more information\. \[/;
    assert.match(await fourth.say(`MAIL FROM:<${user}>`), crowded);
    const connections = (await sandbox.call("GET", "/api/usage")).body.filter(({ what }: { what: string }) => what === "connections");
    assert.deepEqual(connections, [
      { service: "smtp-auth", what: "connections", account: user, used: 3, foreign: 0, limit: 3, window: null },
    ]);
    assert.match(await (dialogs[0] as SmtpDialog).say("QUIT"), /^221 /);
    await (dialogs[0] as SmtpDialog).closed();
    for (const dialog of dialogs) dialog.socket.destroy();
    await until("a free connection", async () => !crowded.test(await fourth.say(`MAIL FROM:<${user}>`)));
    assert.match(await fourth.say("RCPT TO:<bob@contoso.example>"), /^250 /);
  });

  test("who leaves while his token is looked at holds no place", async () => {
    await using sandbox = await openTestSandbox();
    const usage = new Usage();
    const claims = {
      tid: credentials.tenantId,
      appid: credentials.clientId,
      oid: credentials.objectId,
      roles: ["SMTP.SendAsApp"],
      scp: [],
      upn: null,
    };
    // The session as it is, in a house whose Entra answers when the client has gone.
    const house = {
      tenant: sandbox.sandbox.tenant,
      clock: { now: Date.now },
      entra: { check: () => Promise.resolve({ ok: true, claims }) },
    } as unknown as House;
    const window = usage.window({ service: "smtp-auth", what: "messages", ms: 1 });
    const connections = usage.slots("smtp-auth", "connections", () => 3);
    const session = new SmtpAuthSession(
      {
        house,
        hostname: "x.example",
        texts: new RoomTexts(house, "x.example"),
        connections,
        recipients: window,
        externalRecipients: window,
        outbound: new OutboundPolicies(usage, sandbox.sandbox.tenant),
        messages: window,
        sendAsDenied: window,
        pace: usage.pace(() => 30, 60_000),
      },
      { address: "127.0.0.1", hello: "", tls: "TLSv1.3", serverName: "", certificate: null },
    );
    const answer = session.authenticate({ mechanism: "XOAUTH2", user, token: "x" });
    session.closed();
    assert.equal(await answer, null, "it was let in");
    assert.deepEqual(connections.lines(Date.now()), []);
  });

  test("10,000 recipients in 24 hours, and not one more until the window has moved", async () => {
    await using sandbox = await openTestSandbox();
    await mailbox(sandbox, { recipientLimit: 1000 });
    using dialog = await logged(sandbox);
    const many = (from: number, count: number) => Array.from({ length: count }, (_, index) => `r${from + index}@contoso.example`);
    const begin = Date.now();
    for (let message = 0; message < 10; message++) {
      const recipients = many(message * 1000, 1000);
      dialog.send(`MAIL FROM:<${user}>\r\n${recipients.map((recipient) => `RCPT TO:<${recipient}>\r\n`).join("")}`);
      for (let count = 0; count <= 1000; count++) assert.match(await dialog.reply(), /^250 /);
      await dialog.say("DATA");
      assert.match(await dialog.say(`From: ${user}\r\n\r\n.`), /^250 /);
    }
    const full = /^554 5\.2\.0 STOREDRV\.Submission\.Exception:SubmissionQuotaExceededException/;
    assert.match(await sendMail(dialog, user, ["one@contoso.example"]), full);
    const usage = (await sandbox.call("GET", "/api/usage")).body.find(({ what }: { what: string }) => what === "recipients");
    assert.deepEqual(usage, {
      service: "smtp-auth",
      what: "recipients",
      account: user,
      used: 10_000,
      foreign: 0,
      limit: 10_000,
      window: 86_400,
    });
    // All of them are older than `begin` plus what this took; short of a day nothing is given back.
    const took = Math.ceil((Date.now() - begin) / 1000) + 1;
    await clock(sandbox, { advance: `${86_400 - took - 60}s` });
    assert.match(await sendMail(dialog, user, ["one@contoso.example"]), full);
    await clock(sandbox, { advance: `${took + 61}s` });
    assert.match(await sendMail(dialog, user, ["one@contoso.example"]), /^250 /);
    await sandbox.call("POST", "/api/reset");
    assert.deepEqual(
      (await sandbox.call("GET", "/api/usage?service=smtp-auth")).body.map(({ what }: { what: string }) => what),
      ["connections"],
    );
  });

  test("more than 30 messages a minute are taken and delayed", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    for (let count = 0; count < 31; count++) assert.match(await sendMail(dialog, user, ["bob@contoso.example"]), /^250 /);
    const messages = (await sandbox.messages("?service=smtp-auth")).toReversed();
    assert.ok(messages.slice(0, 30).every(({ delayedUntil }) => delayedUntil === undefined));
    const firstAt = Date.parse(messages[0]?.receivedAt ?? "");
    const late = Date.parse(messages[30]?.delayedUntil ?? "");
    // The first was counted at the latest when it was written down.
    assert.ok(late <= firstAt + 60_000 && late > Date.parse(messages[30]?.receivedAt ?? ""), `${late - firstAt} ms after the first`);
  });

  test("magic words work behind the log-in", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    assert.match(await sendMail(dialog, user, ["full@contoso.example"]), /^452 4\.2\.2 /);
    assert.match(await sendMail(dialog, user, ["data-550@contoso.example"]), /^550 5\.7\.1 /);
  });
});
