import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { createTransport } from "nodemailer";
import { skipUnlessSwaksTls } from "../../../test/support/programs.ts";
import { changeTenant, first, login, openRoom, sendMail, tokenFor, xoauth2 } from "../../../test/support/room-client.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import type { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import type { HveAccount } from "../tenant/tenant.ts";

const run = promisify(execFile);
const account = "hve-scanner@contoso.example";
const password = "Sandbox-Hve-1";
const scope = "https://outlook.office.com/.default";

async function byPassword(sandbox: TestSandbox, name = account, secret = password): Promise<string> {
  using dialog = await openRoom(sandbox, "hve");
  return await login(dialog, name, secret);
}

async function byToken(sandbox: TestSandbox, token: string, name = account): Promise<string> {
  using dialog = await openRoom(sandbox, "hve");
  return await xoauth2(dialog, name, token);
}

async function logged(sandbox: TestSandbox, name = account, secret = password): Promise<SmtpDialog> {
  const dialog = await openRoom(sandbox, "hve");
  assert.equal(await login(dialog, name, secret), "235 2.7.0 Authentication successful");
  return dialog;
}

function change(sandbox: TestSandbox, changes: Partial<HveAccount>): void {
  changeTenant(sandbox, (tenant) => ({ ...tenant, hveAccounts: first(tenant.hveAccounts, changes) }));
}

suite("High Volume Email", () => {
  test("log-in by password: what matters here and what does not", async () => {
    await using sandbox = await openTestSandbox();
    assert.match(await byPassword(sandbox, account, "wrong"), /^535 5\.7\.3 Authentication unsuccessful/);
    assert.match(await byPassword(sandbox, "nobody@contoso.example"), /^535 5\.7\.3 Authentication unsuccessful/);
    await sandbox.call("PATCH", "/api/tenant/policies", { smtpClientAuthenticationDisabled: true });
    assert.match(await byPassword(sandbox), /^235 /, "SMTP AUTH's switch is another service's");
    change(sandbox, { allowBasicAuthSmtp: false });
    const forbidden = /^535 5\.7\.139 Authentication unsuccessful, the organization configuration does not allow this authentication/;
    assert.match(await byPassword(sandbox), forbidden);
    change(sandbox, { allowBasicAuthSmtp: null });
    await sandbox.call("PATCH", "/api/tenant/policies", { securityDefaults: true });
    assert.match(await byPassword(sandbox), forbidden);
    assert.match(await byToken(sandbox, await tokenFor(sandbox, scope)), /^235 /, "OAuth is not concerned");
    using dialog = await openRoom(sandbox, "hve");
    assert.match(await dialog.say("AUTH PLAIN AGEAYg=="), /^504 5\.7\.4 /);
  });

  test("log-in by token: permission, Allowed Apps, life", async () => {
    await using sandbox = await openTestSandbox();
    const token = await tokenFor(sandbox, scope);
    change(sandbox, { allowedApps: [] });
    assert.equal(await byToken(sandbox, token), "550 5.7.240 The application is not allowed for use with this High Volume Email account");
    // The client id is not what Allowed Apps wants.
    change(sandbox, { allowedApps: ["5a9db0c5-0000-4000-8000-00000000a001"] });
    assert.match(await byToken(sandbox, token), /^550 5\.7\.240 /);
    change(sandbox, { allowedApps: ["5a9db0c5-0000-4000-8000-00000000b001"] });
    assert.match(await byToken(sandbox, token), /^235 /);
    assert.match(await byToken(sandbox, `${token.slice(0, -4)}AAAA`), /^535 5\.7\.3 /);
    // Graph's permission of the same name is another one.
    assert.match(await byToken(sandbox, await tokenFor(sandbox, "https://graph.microsoft.com/.default")), /^535 5\.7\.3 /);
    const permissions = (sandbox.sandbox.tenant.current.applications[0]?.permissions ?? []).filter(
      ({ resource, name }) => resource !== "exchange" || name !== "Mail.Send",
    );
    changeTenant(sandbox, (tenant) => ({ ...tenant, applications: first(tenant.applications, { permissions }) }));
    assert.equal(
      await byToken(sandbox, await tokenFor(sandbox, scope)),
      "535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions",
    );
    await sandbox.call("PATCH", "/api/tenant/policies", { accessTokenLifetimeSeconds: 60 });
    assert.match(await byToken(sandbox, await tokenFor(sandbox, scope)), /^535 5\.7\.142 Token will expire soon/);
    await sandbox.call("PATCH", "/api/tenant/policies", { accessTokenLifetimeSeconds: 1 });
    const short = await tokenFor(sandbox, scope);
    let reply = "";
    for (const end = Date.now() + 10_000; Date.now() < end && !reply.startsWith("535 5.7.143");) reply = await byToken(sandbox, short);
    assert.match(reply, /^535 5\.7\.143 Expired token/);
  });

  test("a malformed token has a 501 5.5.12x for each defect", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await openRoom(sandbox, "hve");
    const codes = new Set<string>();
    for (const response of [
      "***",
      btoa("auth=Bearer x\u0001\u0001"),
      btoa("user=a@b.example\u0001\u0001"),
      btoa("user=a@b.example\u0001auth=Basic x\u0001\u0001"),
      btoa("user=a@b.example\u0001auth=Bearer \u0001\u0001"),
      btoa("user=a@b.example\u0001auth=Bearer x"),
    ]) {
      const reply = await dialog.say(`AUTH XOAUTH2 ${response}`);
      assert.match(reply, /^501 5\.5\.12[1-6] Invalid XOAUTH2 argument/);
      codes.add(reply.split(" ")[1] ?? "");
    }
    assert.equal(codes.size, 6);
  });

  test("the account must be in MAIL FROM and From; nobody else may use it", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    assert.match(await sendMail(dialog, account, ["bob@contoso.example"]), /^250 2\.0\.0 /);
    assert.match(await sendMail(dialog, "app@contoso.example", ["bob@contoso.example"]), /^\d{3} 5\.7\.62 /);
    assert.match(await dialog.say("MAIL FROM:<>"), /^\d{3} 5\.7\.62 /);
    const forged = "From: app@contoso.example\r\n\r\nhi\r\n";
    assert.match(await sendMail(dialog, account, ["bob@contoso.example"], forged), /^\d{3} 5\.6\.241 /);
    using other = await logged(sandbox, "app@contoso.example", "Sandbox-Mailbox-1");
    assert.match(await sendMail(other, "app@contoso.example", ["bob@contoso.example"]), /^\d{3} 5\.2\.240 /);
    assert.equal((await sandbox.messages("?service=hve")).length, 1);
  });

  test("internal recipients only, 50 of them, 10 MB", async () => {
    await using sandbox = await openTestSandbox({ replies: { "hve-external-recipient": "550 5.7.999 not [address]" } });
    using dialog = await logged(sandbox);
    assert.equal(await sendMail(dialog, account, ["ann@fabrikam.example"]), "550 5.7.999 not ann@fabrikam.example");
    assert.match(
      await sendMail(
        dialog,
        account,
        Array.from({ length: 50 }, (_, n) => `r${n}@contoso.example`),
      ),
      /^250 /,
    );
    assert.match(
      await sendMail(
        dialog,
        account,
        Array.from({ length: 51 }, (_, n) => `r${n}@contoso.example`),
      ),
      /^550 5\.5\.3 /,
    );
    assert.match(await dialog.say(`MAIL FROM:<${account}> SIZE=10485761`), /^552 5\.3\.4 /);
    assert.match(await dialog.say(`MAIL FROM:<${account}> SIZE=10485760`), /^250 /);
  });

  test("external recipients can be refused after the data instead", async () => {
    await using sandbox = await openTestSandbox({ hve: { refuseExternalAt: "data" } });
    using dialog = await logged(sandbox);
    await dialog.say(`MAIL FROM:<${account}>`);
    assert.match(await dialog.say("RCPT TO:<ann@fabrikam.example>"), /^250 /);
    await dialog.say("DATA");
    assert.match(await dialog.say(`From: ${account}\r\n\r\n.`), /^550 /);
    assert.deepEqual(await sandbox.messages("?service=hve"), []);
  });

  test("without a valid billing policy nothing flows", async () => {
    await using sandbox = await openTestSandbox();
    change(sandbox, { billingPolicyStatus: "SubscriptionIsNotActive" });
    using dialog = await logged(sandbox);
    assert.match(await dialog.say(`MAIL FROM:<${account}>`), /^550 .*SubscriptionIsNotActive/);
    change(sandbox, { billingPolicyStatus: "BillingPolicyValid" });
    assert.match(await dialog.say(`MAIL FROM:<${account}>`), /^250 /);
  });

  test("Reply-To is forced, and the rest of the message stays", async () => {
    await using sandbox = await openTestSandbox();
    change(sandbox, { replyTo: "helpdesk@contoso.example" });
    using dialog = await logged(sandbox);
    const body = `\r\nReply-To: in the body\r\n${"x".repeat(300_000)}\r\n`.replace(/x{900}/g, "$&\r\n");
    const content = `From: ${account}\r\nreply-to:\r\n boss@contoso.example\r\nSubject: forced\r\n${body}`;
    assert.match(await sendMail(dialog, account, ["bob@contoso.example"], content), /^250 /);
    const [message] = await sandbox.messages("?service=hve");
    const raw = await (await fetch(`${sandbox.url}/api/messages/${message?.id}/raw`)).text();
    assert.ok(raw.endsWith(`From: ${account}\r\nSubject: forced\r\n${body}`));
    assert.match(raw, /^Reply-To: helpdesk@contoso\.example\r$/m);
    assert.ok(!raw.includes("boss@"));
  });

  test("passwords end with September 2028, tokens do not; nothing is counted", async () => {
    await using sandbox = await openTestSandbox();
    const token = await tokenFor(sandbox, scope);
    await sandbox.call("POST", "/api/clock", { now: "2028-09-01T00:00:00Z" });
    assert.match(await byPassword(sandbox), /^235 /);
    await sandbox.call("POST", "/api/clock", { now: "2028-10-01T00:00:00Z" });
    assert.match(await byPassword(sandbox), /^550 5\.7\.30 /);
    using dialog = await openRoom(sandbox, "hve");
    assert.match(await xoauth2(dialog, account, token), /^235 /);
    for (let count = 0; count < 40; count++) assert.match(await sendMail(dialog, account, ["bob@contoso.example"]), /^250 /);
    assert.ok((await sandbox.messages("?service=hve")).every(({ delayedUntil }) => delayedUntil === undefined));
  });

  test("nodemailer with a token, swaks with a password", { skip: skipUnlessSwaksTls() }, async () => {
    await using sandbox = await openTestSandbox();
    const port = sandbox.port("hve");
    const auth = { type: "OAuth2" as const, user: account, accessToken: await tokenFor(sandbox, scope) };
    const transport = createTransport({ host: "localhost", port, requireTLS: true, tls: { ca: sandbox.ca }, auth });
    await transport.sendMail({ from: account, to: "bob@contoso.example", subject: "by nodemailer", text: "hi" });
    transport.close();
    const who = ["--auth", "LOGIN", "--auth-user", account, "--auth-password", password];
    await run("swaks", ["--server", `127.0.0.1:${port}`, "--tls", "--from", account, "--to", "bob@contoso.example", ...who]);
    assert.equal((await sandbox.messages("?service=hve")).length, 2);
  });
});
