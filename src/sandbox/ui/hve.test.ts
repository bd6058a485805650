import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { postern } from "../../../test/support/cli.ts";
import { skipUnless } from "../../../test/support/programs.ts";
import { openTestSandbox } from "../../../test/support/sandbox.ts";
import { credentials } from "../credentials.ts";
import { sandboxEnvironment } from "../environment.ts";

const run = promisify(execFile);
const fresh = { displayName: "Billing", address: "billing@contoso.example", password: "Sandbox-Hve-2" };

test("accounts are made, changed and removed by the API; they outlive a restart", async () => {
  await using sandbox = await openTestSandbox();
  const made = await sandbox.call("POST", "/api/hve-accounts", fresh);
  assert.equal(made.status, 201);
  assert.deepEqual([made.body.alias, made.body.billingPolicyStatus], ["billing", "NoProperBillingPolicyStored"]);
  await sandbox.restart();
  const changed = await sandbox.call("PATCH", "/api/hve-accounts/billing@contoso.example", {
    replyTo: "help@contoso.example",
    billingPolicyStatus: "BillingPolicyValid",
  });
  assert.equal(changed.body.replyTo, "help@contoso.example");
  assert.equal((await sandbox.call("GET", "/api/hve-accounts")).body.accounts.length, 2);
  assert.equal((await sandbox.call("DELETE", "/api/hve-accounts/billing")).status, 200);
  assert.equal((await sandbox.call("DELETE", "/api/hve-accounts/billing")).status, 404);
});

test("what an account must be", async () => {
  await using sandbox = await openTestSandbox();
  for (const [change, status, reason] of [
    [{ address: "x@fabrikam.example" }, 409, /not of an accepted domain/],
    [{ address: "APP@contoso.example" }, 409, /in use already/],
    [{ alias: "hve-scanner" }, 409, /two HVE accounts with the alias/],
    [{ address: "no address" }, 400, /./],
    [{ password: "short" }, 400, /./],
    [{ shoe: 1 }, 400, /shoe/],
  ] as const) {
    const { status: got, body } = await sandbox.call("POST", "/api/hve-accounts", { ...fresh, ...change });
    assert.equal(got, status, JSON.stringify(change));
    assert.match(body.error.message, reason);
  }
  const byClientId = await sandbox.call("PATCH", "/api/hve-accounts/hve-scanner", { allowedApps: [credentials.clientId] });
  assert.equal(byClientId.status, 409);
  assert.match(byClientId.body.error.message, /application \(client\) id .* 5a9db0c5-0000-4000-8000-00000000b001/);
});

test("a hundred accounts and no more, by the sandbox's clock", async () => {
  const accounts = Array.from({ length: 100 }, (_, index) => `{ address: h${index}@t.example, password: Secret-12 }`).join(", ");
  await using sandbox = await openTestSandbox();
  const file = join(sandbox.folder, "full.yaml");
  await writeFile(file, `id: 5a9db0c5-0000-4000-8000-000000000001\nname: Full\ndomains: [t.example]\nhveAccounts: [${accounts}]\n`);
  await using full = await openTestSandbox({ tenant: { file } });
  assert.equal((await full.call("GET", "/api/hve-accounts")).body.limit, 100);
  const more = await full.call("POST", "/api/hve-accounts", { ...fresh, address: "h@t.example" });
  assert.equal(more.status, 409);
  assert.match(more.body.error.message, /has 100 HVE accounts; 100 are the most on \d{4}-/);
  await full.call("DELETE", "/api/hve-accounts/h7@t.example");
  assert.equal((await full.call("POST", "/api/hve-accounts", { ...fresh, address: "h@t.example" })).status, 201);
});

test("the form, by curl: review first, then the account; foreign pages get nothing", { skip: skipUnless("curl") }, async () => {
  await using sandbox = await openTestSandbox();
  const post = async (path: string, fields: Readonly<Record<string, string>>, ...more: readonly string[]) => {
    const data = Object.entries(fields).flatMap(([name, value]) => ["--data-urlencode", `${name}=${value}`]);
    return (await run("curl", ["--silent", "--write-out", "\n%{http_code}", ...more, ...data, `${sandbox.url}${path}`])).stdout;
  };
  const fields = { displayName: "<b>Billing</b>", address: fresh.address, alias: "", password: fresh.password, password2: fresh.password };
  const review = await post("/hve/new", fields);
  assert.match(review, /Review[\s\S]*&lt;b&gt;Billing&lt;\/b&gt;[\s\S]*action="\/hve\/create"[\s\S]*\n200$/);
  assert.equal((await sandbox.call("GET", "/api/hve-accounts")).body.accounts.length, 1, "a review makes nothing");
  assert.match(await post("/hve/new", { ...fields, password2: "else" }), /The two passwords differ\.[\s\S]*\n422$/);
  assert.match(await post("/hve/create", { ...fields, address: "x@fabrikam.example" }), /not of an accepted domain[\s\S]*\n422$/);
  assert.match(await post("/hve/create", fields, "--header", "Origin: https://evil.example"), /\n403$/);
  assert.match(await post("/hve/create", fields), /\n303$/);
  const { accounts } = (await sandbox.call("GET", "/api/hve-accounts")).body;
  assert.equal(accounts[1].displayName, "<b>Billing</b>");
  const page = (await run("curl", ["--silent", `${sandbox.url}/hve`])).stdout;
  assert.ok(page.includes("&lt;b&gt;Billing") && !page.includes("<b>Billing"));
  assert.match(
    await post("/hve/cmdlet", { text: `Get-HVEAccountBillingPolicy -Identity ${fresh.address}` }),
    /NoProperBillingPolicyStored[\s\S]*\n200$/,
  );
  assert.match(await post("/hve/remove", { address: fresh.address }), /\n303$/);
  assert.match(await post("/hve/remove", { address: fresh.address }), /\n404$/);
  for (const path of ["/hve/new", "/hve/create"]) assert.match(await post(path, {}, "--request", "POST"), /\n422$/, "nothing at all");
  assert.match(await post("/hve/create", fields, "--header", "Content-Type: text/plain"), /\n415$/);
});

test("cmdlets of old and new documents are read, explained and done", async () => {
  await using sandbox = await openTestSandbox();
  const say = async (text: string, apply = false) => (await sandbox.call("POST", "/api/cmdlet", { text, apply })).body;
  const old = await say(
    'New-MailUser -LOBAppAccount -Name "LOB App 1" -PrimarySmtpAddress lobapp1@contoso.example -Password (Read-Host -AsSecureString)',
  );
  assert.match(old.says.join(" "), /-LOBAppAccount is the switch's old name.*-HVEAccount.*lobapp1@contoso\.example, shown as "LOB App 1"/);
  assert.deepEqual([old.refused, old.applied], [null, false]);
  assert.equal((await sandbox.call("GET", "/api/hve-accounts")).body.accounts.length, 1);
  const today = await say(
    'New-MailUser -HVEAccount -Name "LOB App 1" `\n  -PrimarySmtpAddress lobapp1@contoso.example -Password (ConvertTo-SecureString -String "P@ssw0rd-1" -AsPlainText -Force)  # as documented',
    true,
  );
  assert.equal(today.applied, true);
  const apply = async (text: string) => assert.equal((await say(text, true)).refused, null, text);
  await apply("Set-HVEAccountSettings -Identity lobapp1@contoso.example -ReplyTo helpdesk@contoso.example");
  await apply(`Add-HVEAppAccess -Identity lobapp1 -AppIds "${credentials.objectId}","${credentials.managedIdentityObjectId}"`);
  await apply(`Set-HVEAccountBillingPolicy lobapp1@contoso.example -BillingPolicyId "5a9db0c5-0000-4000-8000-0000000000ff"`);
  const [, account] = (await sandbox.call("GET", "/api/hve-accounts")).body.accounts;
  assert.deepEqual(account, {
    displayName: "LOB App 1",
    address: "lobapp1@contoso.example",
    alias: "lobapp1",
    password: "P@ssw0rd-1",
    replyTo: "helpdesk@contoso.example",
    billingPolicyStatus: "BillingPolicyValid",
    allowedApps: [credentials.objectId, credentials.managedIdentityObjectId],
    allowBasicAuthSmtp: null,
  });
  const wrongId = await say(`Add-HVEAppAccess -Identity lobapp1 -AppIds ${credentials.clientId}`, true);
  assert.match(wrongId.refused, /is the application \(client\) id of "postern"/);
  assert.equal(wrongId.applied, false);
  assert.match((await say("Get-HVEAccountBillingPolicy -Identity lobapp1")).says[0], /BillingPolicyStatus .*: BillingPolicyValid\./);
  assert.match((await say('Set-HVEAccountBillingPolicy -Identity lobapp1 -BillingPolicyId ""', true)).says[0], /2026-06-01/);
  assert.equal((await say("Get-HVEAccountBillingPolicy lobapp1")).says[0].includes("NoProperBillingPolicyStored"), true);
});

test("what is no cmdlet is refused, whatever it is", async () => {
  await using sandbox = await openTestSandbox();
  for (const text of [
    "rm -rf /",
    "New-MailUser -Name 'open",
    "Get-Mailbox",
    "New-MailUser (",
    "Remove-MailUser x | Out-Null",
    "-".repeat(3999),
    `Get-Mailbox ${"(".repeat(3900)}`,
  ]) {
    const { status, body } = await sandbox.call("POST", "/api/cmdlet", { text, apply: true });
    assert.equal(status, 409, text.slice(0, 40));
    assert.equal(typeof body.error.message, "string");
  }
  for (const text of [
    "Remove-MailUser nobody",
    "New-MailUser -Name x",
    "Add-HVEAppAccess hve-scanner",
    "Set-HVEAccountSettings hve-scanner",
  ]) {
    const { status, body } = await sandbox.call("POST", "/api/cmdlet", { text, apply: true });
    assert.deepEqual([status, typeof body.refused, body.applied], [200, "string", false], text);
  }
});

test("postern sandbox hve and cmdlet", async () => {
  await using sandbox = await openTestSandbox();
  await writeFile(join(sandbox.folder, "sandbox", "env.json"), JSON.stringify(sandboxEnvironment(sandbox.sandbox)));
  const cli = async (...args: readonly string[]) => await postern(["sandbox", ...args, "--data", sandbox.folder]);
  assert.match(
    (await cli("hve", "add", fresh.address, "--display-name", "Billing", "--password", fresh.password)).stdout,
    /alias: billing/,
  );
  assert.equal((await cli("hve", "add", fresh.address, "--password", fresh.password)).code, 65);
  assert.match((await cli("hve", "list")).stdout, /billing@contoso\.example +Billing[\s\S]*2 of 100/);
  const set = await cli("hve", "set", fresh.address, "--billing", "BillingPolicyValid", "--allow-app", credentials.objectId, "--json");
  assert.deepEqual(JSON.parse(set.stdout).allowedApps, [credentials.objectId]);
  const cmdlet = await cli("cmdlet", `Set-HVEAccountSettings -Identity ${fresh.address} -ReplyTo ""`, "--apply");
  assert.match(cmdlet.stdout, /Clears the forced Reply-To of billing@contoso\.example\.\nDone\./);
  assert.equal((await cli("hve", "remove", fresh.address)).code, 0);
  assert.equal((await cli("hve", "remove", fresh.address)).code, 66);
  assert.equal((await cli("cmdlet", "Remove-MailUser nobody")).code, 1);
});
