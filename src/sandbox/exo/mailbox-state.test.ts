/** smtp.office365.com by what stands in a mailbox's way: its federation server, its licence, its quota, old TLS. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { login, openRoom, sendMail, tokenFor, xoauth2 } from "../../../test/support/room-client.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { until } from "../../../test/support/until.ts";
import { credentials } from "../credentials.ts";

const { mailbox: user, mailboxPassword: password } = credentials;
const scope = "https://outlook.office365.com/.default";

async function byPassword(sandbox: TestSandbox, name: string = user, secret: string = password): Promise<string> {
  using dialog = await openRoom(sandbox, "smtp-auth");
  return await login(dialog, name, secret);
}

async function byToken(sandbox: TestSandbox, token: string): Promise<string> {
  using dialog = await openRoom(sandbox, "smtp-auth");
  return await xoauth2(dialog, user, token);
}

async function logged(sandbox: TestSandbox): Promise<SmtpDialog> {
  const dialog = await openRoom(sandbox, "smtp-auth");
  assert.equal(await login(dialog, user, password), "235 2.7.0 Authentication successful");
  return dialog;
}

const policies = (sandbox: TestSandbox, change: object) => sandbox.call("PATCH", "/api/tenant/policies", change);
const mailbox = (sandbox: TestSandbox, change: object) => sandbox.call("PATCH", `/api/tenant/mailboxes/${user}`, change);

suite("the state of a mailbox at smtp.office365.com", () => {
  test("a federation server that cannot be asked, a mailbox without a licence", async () => {
    await using sandbox = await openTestSandbox();
    const token = await tokenFor(sandbox, scope);
    await mailbox(sandbox, { federation: "unreachable" });
    const unreachable = /^535 5\.7\.139 Authentication unsuccessful, federated STS service was unreachable\. \[/;
    assert.match(await byPassword(sandbox), unreachable);
    assert.match(await byPassword(sandbox, user, "any other"), unreachable, "nobody here knows the password");
    await mailbox(sandbox, { federation: "not-https" });
    assert.match(
      await byPassword(sandbox),
      /^535 5\.7\.139 Authentication unsuccessful, the federated STS URL does not support HTTPS\. \[/,
    );
    assert.match(await byToken(sandbox, token), /^235 /, "an application does not ask it");
    await mailbox(sandbox, { federation: null, licensed: false });
    assert.match(await byPassword(sandbox), /^535 5\.7\.3 Authentication unsuccessful \[/);
    assert.match(await byToken(sandbox, token), /^535 5\.7\.3 /);
    await mailbox(sandbox, { kind: "shared" });
    assert.match(await byToken(sandbox, token), /^235 /, "a shared mailbox needs none");
  });

  test("a full mailbox: no copy in Sent Items, so no message; what comes for it is returned", async () => {
    await using sandbox = await openTestSandbox();
    using dialog = await logged(sandbox);
    await mailbox(sandbox, { full: true });
    assert.match(
      await sendMail(dialog, user, ["bob@fabrikam.example"]),
      /^554 5\.2\.2 mailbox full; STOREDRV\.Submission\.Exception:QuotaExceededException\.MapiException\(Shutoff\)QuotaExceeded \[/,
    );
    assert.equal((await sandbox.messages()).length, 0);
    await sandbox.call("PUT", "/api/tenant/mailboxes/boss@contoso.example", { full: true });
    await mailbox(sandbox, { full: false });
    assert.match(await sendMail(dialog, user, ["boss@contoso.example", "ann@contoso.example"]), /^250 /);
    const [ndr] = await until("the notification", async () => {
      const found = await sandbox.messages(`?to=${user}`);
      return found.length > 0 && found;
    });
    const text = await (await fetch(`${sandbox.url}/api/messages/${ndr?.id}/raw`)).text();
    assert.match(
      text,
      /Final-Recipient: rfc822;boss@contoso\.example\r\nAction: failed\r\nStatus: 5\.2\.2\r\nDiagnostic-Code: smtp;554 5\.2\.2 mailbox full/,
    );
    assert.doesNotMatch(text, /Final-Recipient: rfc822;ann/);
    // From outside, too.
    using outside = await SmtpDialog.open(sandbox.port("tenant-mx"));
    await outside.reply();
    await outside.say("EHLO mx.fabrikam.example");
    assert.match(await sendMail(outside, "bob@fabrikam.example", ["boss@contoso.example"]), /^250 /);
    await until("the notification outside", async () => (await sandbox.messages("?to=bob@fabrikam.example")).length > 0);
  });

  test("TLS 1.0 is refused in words, except at smtp-legacy of a tenant that allows it", async () => {
    await using sandbox = await openTestSandbox();
    const old = async (servername: string): Promise<string> => {
      using dialog = await SmtpDialog.open(sandbox.port("smtp-auth"));
      await dialog.reply();
      await dialog.say("EHLO printer.example");
      await dialog.say("STARTTLS");
      await dialog.startTls({
        ca: sandbox.ca,
        servername,
        checkServerIdentity: () => undefined,
        minVersion: "TLSv1",
        maxVersion: "TLSv1",
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      const hello = await dialog.say("EHLO printer.example");
      return hello.startsWith("250") ? await login(dialog, user, password) : hello;
    };
    const refused =
      /^421 4\.7\.66 TLS 1\.0 and 1\.1 are not supported\. Please upgrade\/update your client to support TLS 1\.2\. Visit https:\/\/aka\.ms\/smtp_auth_tls\. \[/;
    assert.match(await old("smtp.office365.com"), refused);
    // There the mailbox has to be known to know the tenant.
    assert.match(await old("smtp-legacy.office365.com"), /^550 5\.7\.67 TLS 1\.0 and 1\.1 are not supported for this tenant/);
    await policies(sandbox, { allowLegacyTlsClients: true });
    assert.match(await old("smtp-legacy.office365.com"), /^235 /);
    assert.match(await old("smtp.office365.com"), refused);
  });
});
