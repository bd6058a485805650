import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { postern } from "../../../test/support/cli.ts";
import { openTestSandbox } from "../../../test/support/sandbox.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { credentials } from "../credentials.ts";
import { findHveAccount, findMailbox, isRecipient } from "./directory.ts";
import { readTenant, TenantFault } from "./read-tenant.ts";
import { defaultTenantFile, TenantStore } from "./tenant-store.ts";

const minimal = "id: 5a9db0c5-0000-4000-8000-000000000001\nname: T\ndomains: [t.example]\n";

test("the demo's tenant file holds the published credentials", () => {
  const tenant = readTenant(readFileSync(defaultTenantFile, "utf8"), "contoso.yaml");
  assert.equal(tenant.id, credentials.tenantId);
  const application = tenant.applications.find(({ clientId }) => clientId === credentials.clientId);
  assert.equal(application?.objectId, credentials.objectId);
  assert.equal(application?.secrets[0]?.value, credentials.clientSecret);
  assert.equal(tenant.applications.find(({ managedIdentity }) => managedIdentity)?.clientId, credentials.managedIdentityClientId);
  assert.equal(findMailbox(tenant, "APP@contoso.example")?.password, credentials.mailboxPassword);
  assert.equal(findHveAccount(tenant, credentials.hveAccount)?.password, credentials.hvePassword);
  assert.equal(tenant.acs[0]?.accessKeys[0], credentials.acsKey);
  assert.equal(tenant.sendgrid[0]?.apiKeys[0], credentials.sendgridKey);
  assert.equal(isRecipient(tenant, "anybody@contoso.example"), true);
  assert.equal(isRecipient(tenant, "anybody@fabrikam.example"), false);
});

test("a short tenant file is completed with defaults", () => {
  const tenant = readTenant(`${minimal}mailboxes: [bob@t.example]\nhveAccounts: [{ address: h@t.example, password: Secret-12 }]`, "t.yaml");
  assert.deepEqual(tenant.domains, [{ name: "t.example", type: "Authoritative", matchSubDomains: false }]);
  assert.equal(tenant.mailboxes[0]?.displayName, "bob");
  assert.equal(tenant.hveAccounts[0]?.alias, "h");
  assert.equal(tenant.hveAccounts[0]?.billingPolicyStatus, "NoProperBillingPolicyStored");
  assert.equal(tenant.policies.smtpClientAuthenticationDisabled, false);
});

test("a faulty tenant file is refused with the place and the reason", () => {
  for (const [yaml, reason] of [
    ["name: T\ndomains: [t.example]", /t\.yaml: must have required properties id/],
    [`${minimal}polices: {}`, /polices/],
    [`${minimal}mailboxes: [bob@else.example]`, /bob@else\.example is not of an accepted domain \(t\.example\)/],
    [`${minimal}mailboxes: [bob@t.example, BOB@T.example]`, /in use already/],
    [`${minimal}hveAccounts: [{ address: h@t.example, password: short }]`, /hveAccounts\[0\]\.password: /],
    ["id: [", /t\.yaml: /],
    ["", /t\.yaml: must be object/],
    [`${minimal}createdOn: "2026-99-99"`, /createdOn/],
    [`${minimal}a: &a [x]\nb: [${"*a,".repeat(200)}]`, /t\.yaml: /],
  ] as const)
    assert.throws(
      () => readTenant(yaml, "t.yaml"),
      (error) => error instanceof TenantFault && reason.test(error.message),
      yaml,
    );
});

test("changes outlive the store; an edited file puts them aside; a refused change leaves everything", () => {
  using folder = temporaryFolder();
  const [file, kept] = [join(folder.path, "t.yaml"), join(folder.path, "kept.json")];
  writeFileSync(file, minimal);
  const first = new TenantStore({ file }, kept);
  first.change((tenant) => ({ ...tenant, trial: true }));
  assert.throws(() => first.change((tenant) => ({ ...tenant, domains: [...tenant.domains, ...tenant.domains] })), TenantFault);
  assert.equal(first.current.domains.length, 1);
  assert.equal(new TenantStore({ file }, kept).current.trial, true);
  writeFileSync(file, `${minimal}licences: 5\n`);
  const edited = new TenantStore({ file }, kept).current;
  assert.deepEqual([edited.trial, edited.licences], [false, 5]);
});

test("switches by the control API stay over restart and reset", async () => {
  await using sandbox = await openTestSandbox();
  const off = await sandbox.call("PATCH", "/api/tenant/policies", { smtpClientAuthenticationDisabled: true });
  assert.equal(off.status, 200);
  assert.equal(off.body.smtpClientAuthenticationDisabled, true);
  const mailbox = await sandbox.call("PATCH", "/api/tenant/mailboxes/app@contoso.example", { smtpClientAuthenticationDisabled: false });
  assert.equal(mailbox.body.smtpClientAuthenticationDisabled, false);
  assert.equal(mailbox.body.password, credentials.mailboxPassword);
  assert.equal((await sandbox.call("PUT", "/api/tenant/mailboxes/new@contoso.example", { kind: "shared" })).body.kind, "shared");
  assert.equal((await sandbox.call("PUT", "/api/tenant/connectors/Relay", { senderIPAddresses: ["203.0.113.7"] })).status, 200);
  await sandbox.call("POST", "/api/reset");
  await sandbox.restart();
  const { tenant } = (await sandbox.call("GET", "/api/tenant")).body;
  assert.equal(tenant.policies.smtpClientAuthenticationDisabled, true);
  assert.equal(tenant.mailboxes.length, 2);
  assert.equal(tenant.connectors.at(-1).senderIPAddresses[0], "203.0.113.7");
  assert.equal((await sandbox.call("DELETE", "/api/tenant/connectors/relay")).status, 200);
  for (const [path, body, status] of [
    ["/api/tenant/policies", { smtpclientauthenticationdisabled: true }, 400],
    ["/api/tenant/mailboxes/nobody@contoso.example", { mfa: true }, 404],
    ["/api/tenant/mailboxes/app@contoso.example", { sendAs: "x" }, 400],
    ["/api/tenant", { domains: [{ name: "else.example" }] }, 400],
    ["/api/tenant", { domains: [{ name: "else.example", type: "Authoritative", matchSubDomains: false }] }, 409],
  ] as const)
    assert.equal((await sandbox.call("PATCH", path, body)).status, status, path);
});

test("postern sandbox says what is wrong with a tenant file, as of any configuration", async () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "t.yaml"), "id: x");
  writeFileSync(join(folder.path, "sandbox.yaml"), "tenant: { file: t.yaml }");
  const { code, stderr } = await postern(["sandbox", "-c", join(folder.path, "sandbox.yaml"), "--data", join(folder.path, "data")]);
  assert.equal(code, 78);
  assert.match(stderr, /t\.yaml: /);
});
