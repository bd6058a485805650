import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createTransport } from "nodemailer";
import { changeTenant, first, login, openRoom, sendMail, tokenFor, xoauth2 } from "../../../test/support/room-client.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import type { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { until } from "../../../test/support/until.ts";
import { credentials } from "../credentials.ts";

const user: string = credentials.acsSmtpUser;
const secret = credentials.clientSecret;
const sender = "noreply@notify.contoso.example";
const refused = "535 5.7.3 Authentication unsuccessful";

async function byPassword(sandbox: TestSandbox, name = user, password: string = secret): Promise<string> {
  using dialog = await openRoom(sandbox, "acs-smtp");
  return await login(dialog, name, password);
}

async function byToken(sandbox: TestSandbox, token: string, name = user): Promise<string> {
  using dialog = await openRoom(sandbox, "acs-smtp");
  return await xoauth2(dialog, name, token);
}

async function logged(sandbox: TestSandbox): Promise<SmtpDialog> {
  const dialog = await openRoom(sandbox, "acs-smtp");
  assert.equal(await login(dialog, user, secret), "235 2.7.0 Authentication successful");
  return dialog;
}

const acs = async (sandbox: TestSandbox, change: object) => {
  const { status, body } = await sandbox.call("PATCH", "/api/tenant/acs/contoso-acs", change);
  assert.equal(status, 200, JSON.stringify(body));
};

/** So many that have logged in, and stay; one can leave. */
async function crowd(sandbox: TestSandbox, count: number): Promise<AsyncDisposable & { leave(): Promise<void> }> {
  const dialogs: SmtpDialog[] = [];
  while (dialogs.length < count) dialogs.push(...(await Promise.all(Array.from({ length: 25 }, () => logged(sandbox)))));
  return {
    async leave() {
      await dialogs[0]?.say("QUIT");
      await dialogs[0]?.closed();
    },
    async [Symbol.asyncDispose]() {
      for (const dialog of dialogs) dialog[Symbol.dispose]();
    },
  };
}

suite("ACS SMTP", () => {
  test("user names of all forms, secrets and roles; revocation holds at once", async () => {
    await using sandbox = await openTestSandbox();
    assert.match(await byPassword(sandbox), /^235 2\.7\.0 /);
    assert.match(await byPassword(sandbox, user.replaceAll(".", "|")), /^235 /);
    for (const wrong of [
      "contoso-acs",
      `other-acs.${credentials.clientId}.${credentials.tenantId}`,
      `${user}.x`,
      `contoso-acs.${credentials.clientId}`,
    ])
      assert.equal(await byPassword(sandbox, wrong), refused, wrong);
    assert.equal(await byPassword(sandbox, user, "wrong"), refused);
    await acs(sandbox, { smtpUsernames: [{ username: "printer@contoso.example", clientId: credentials.clientId }] });
    assert.match(await byPassword(sandbox, "printer@contoso.example"), /^235 /);
    await acs(sandbox, { roleAssignments: [] });
    assert.equal(await byPassword(sandbox), refused, "no role");
    await acs(sandbox, { roleAssignments: [credentials.clientId] });
    changeTenant(sandbox, (tenant) => ({ ...tenant, applications: first(tenant.applications, { secrets: [] }) }));
    assert.equal(await byPassword(sandbox), refused, "secret withdrawn");
  });

  test("tokens: audience, application and role", async () => {
    await using sandbox = await openTestSandbox();
    const token = await tokenFor(sandbox, "https://communication.azure.com/.default");
    assert.match(await byToken(sandbox, token), /^235 /);
    assert.equal(await byToken(sandbox, await tokenFor(sandbox, "https://outlook.office365.com/.default")), refused);
    assert.equal(await byToken(sandbox, token, user.replace("a001", "a002")), refused, "another application's user name");
    await acs(sandbox, { roleAssignments: [] });
    assert.equal(await byToken(sandbox, token), refused);
    using dialog = await openRoom(sandbox, "acs-smtp");
    assert.match(await dialog.say("AUTH PLAIN AGEAYg=="), /^504 5\.7\.4 /);
  });

  test("configured senders of linked, verified domains", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    assert.match(await sendMail(dialog, sender, ["ann@fabrikam.example"]), /^250 /);
    for (const wrong of ["other@notify.contoso.example", "noreply@contoso.example"])
      assert.match(await sendMail(dialog, wrong, ["ann@fabrikam.example"]), /^550 /, wrong);
    assert.match(await sendMail(dialog, sender, ["ann@fabrikam.example"], "From: boss@contoso.example\r\n\r\nhi\r\n"), /^550 /);
    const domain = { name: "notify.contoso.example", managed: false, verified: true, linked: true, senders: ["noreply"] };
    for (const change of [{ verified: false }, { linked: false }]) {
      await acs(sandbox, { domains: [{ ...domain, ...change }] });
      assert.match(await dialog.say(`MAIL FROM:<${sender}>`), /^550 /, JSON.stringify(change));
    }
  });

  test("50 recipients, 10 MB", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    assert.match(
      await sendMail(
        dialog,
        sender,
        Array.from({ length: 50 }, (_, n) => `r${n}@fabrikam.example`),
      ),
      /^250 /,
    );
    assert.match(
      await sendMail(
        dialog,
        sender,
        Array.from({ length: 51 }, (_, n) => `r${n}@fabrikam.example`),
      ),
      /^550 5\.5\.3 /,
    );
    assert.match(await dialog.say(`MAIL FROM:<${sender}> SIZE=10485761`), /^552 5\.3\.4 /);
  });

  test("30 a minute and 100 an hour for the subscription; what is refused counts too", async () => {
    await using sandbox = await openTestSandbox({ replies: { "acs-throttled": "451 4.5.999 slow down" } });
    using dialog = await logged(sandbox);
    const send = () => sendMail(dialog, sender, ["ann@fabrikam.example"]);
    const minute = async (fits: number) => {
      for (let count = 0; count < fits; count++) assert.match(await send(), /^250 /, `message ${count + 1}`);
    };
    await minute(30);
    assert.equal(await send(), "451 4.5.999 slow down");
    // The refused one stands in the window of the hour: 31 are used up.
    await sandbox.call("POST", "/api/clock", { advance: "1m" });
    await minute(30);
    await sandbox.call("POST", "/api/clock", { advance: "1m" });
    await minute(30);
    await sandbox.call("POST", "/api/clock", { advance: "1m" });
    await minute(9);
    assert.equal(await send(), "451 4.5.999 slow down", "100 in the hour");
    const usage: { what: string; window: number; used: number }[] = (await sandbox.call("GET", "/api/usage")).body;
    assert.equal(usage.find(({ what, window }) => what === "messages" && window === 3600)?.used, 101);
    assert.equal((await sandbox.messages("?service=acs-smtp")).length, 99);
    await sandbox.call("POST", "/api/clock", { advance: "1h" });
    await minute(1);
  });

  test("an Azure-managed domain has 5 a minute", async () => {
    await using sandbox = await openTestSandbox();
    const name = "5a9db0c5-0000-4000-8000-00000000d001.azurecomm.example";
    await acs(sandbox, { domains: [{ name, managed: true, verified: true, linked: true, senders: ["DoNotReply"] }] });
    using dialog = await logged(sandbox);
    for (let count = 0; count < 5; count++) assert.match(await sendMail(dialog, `donotreply@${name}`, ["ann@fabrikam.example"]), /^250 /);
    assert.match(await sendMail(dialog, `donotreply@${name}`, ["ann@fabrikam.example"]), /^4/);
  });

  test("250 connections of a subscription, by whichever resource; the 251st is refused until one goes", async () => {
    await using sandbox = await openTestSandbox();
    await using others = await crowd(sandbox, 250);
    assert.match(await byPassword(sandbox), /^421 4\.3\.2 /);
    assert.deepEqual(
      (await sandbox.call("GET", "/api/usage?service=acs-smtp")).body.map(({ used, limit }: { used: number; limit: number }) => [
        used,
        limit,
      ]),
      [[250, 250]],
    );
    await others.leave();
    await until("a place", async () => (await byPassword(sandbox)).startsWith("235 "));
  });

  test("retired after 2028-09-30", async () => {
    await using sandbox = await openTestSandbox();
    await sandbox.call("POST", "/api/clock", { now: "2028-09-29T12:00:00Z" });
    assert.match(await byPassword(sandbox), /^235 /);
    await sandbox.call("POST", "/api/clock", { now: "2028-10-01T00:00:00Z" });
    assert.match(await byPassword(sandbox), /^550 .*retired/);
  });

  test("nodemailer", async () => {
    await using sandbox = await openTestSandbox();
    const transport = createTransport({
      host: "localhost",
      port: sandbox.port("acs-smtp"),
      requireTLS: true,
      tls: { ca: sandbox.ca },
      auth: { user, pass: secret },
    });
    await transport.sendMail({ from: sender, to: "ann@fabrikam.example", subject: "by nodemailer", text: "hi" });
    transport.close();
    assert.equal((await sandbox.messages("?service=acs-smtp"))[0]?.account, user);
  });
});
