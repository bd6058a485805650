import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DoctorView } from "../../src/admin/setup-contract.ts";
import { credentials } from "../../src/sandbox/credentials.ts";
import { postern } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { openTestSandbox, type TestSandbox } from "../support/sandbox.ts";

/** A gateway of its own against the sandbox: tokens from its Entra by HTTPS, log-ins at its services. */
let sandbox: TestSandbox;
let gateway: GatewayProcess;
let place: GatewayPlace;
const secretFile = () => join(place.folder, "secret");

before(async () => {
  sandbox = await openTestSandbox();
  const folder = join(sandbox.folder, "gateway");
  const [port, console] = [await freePort(), await freePort()];
  place = { folder, data: join(folder, "data"), config: join(folder, "postern.yaml"), port };
  mkdirSync(place.data, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "ca.pem"), sandbox.ca);
  writeFileSync(secretFile(), credentials.clientSecret, { mode: 0o600 });
  const at = (service: string) => `host: localhost, port: ${sandbox.port(service)}, ca: { file: ca.pem }, allowPrivate: true`;
  const auth = (user: string) => `auth: { user: ${user}, identity: gateway }`;
  writeFileSync(
    place.config,
    `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners:
  - { name: smtp, kind: relay, address: 127.0.0.1, port: ${port} }
networks:
  - { name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example"] }
network: { allowPrivate: true, ca: { file: ca.pem } }
identities:
  - name: gateway
    kind: client-secret
    authority: https://localhost:${sandbox.port("api")}
    tenant: ${credentials.tenantId}
    clientId: ${credentials.clientId}
    secrets: [{ file: secret, expires: 2027-01-31 }]
routes:
  - { name: hve, kind: hve, ${at("hve")}, ${auth(credentials.hveAccount)} }
  - { name: m365, kind: smtp-auth, ${at("smtp-auth")}, ${auth(credentials.mailbox)} }
routing:
  acceptedDomains: [contoso.example]
  rules:
    - { name: all, routes: [m365] }
http: { console: { address: 127.0.0.1, port: ${console} } }
`,
  );
  gateway = await GatewayProcess.ready(place);
});
after(async () => {
  await gateway[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

const doctor = async (route: string) => {
  const { reports } = await gateway.control.post<DoctorView>("/api/doctor", { route });
  const [report] = reports;
  assert(report !== undefined);
  return report;
};

test("both services take the token, and nothing is missing", async () => {
  for (const [route, permission] of [
    ["hve", "Mail.Send"],
    ["m365", "SMTP.SendAsApp"],
  ] as const) {
    const report = await doctor(route);
    assert.deepEqual([report.ok, report.findings.filter(({ severity }) => severity === "problem")], [true, []], JSON.stringify(report));
    assert(report.claims !== null && report.claims.roles.includes(permission));
    assert.equal(report.claims.tenant, credentials.tenantId);
    assert.equal(report.claims.objectId, credentials.objectId);
    assert.deepEqual(
      report.steps.filter(({ ok }) => !ok),
      [],
    );
  }
});

test("an application that the HVE account does not allow: one sentence, and the exact command", async () => {
  const path = `/api/hve-accounts/${credentials.hveAccount}`;
  const changed = await sandbox.call("PATCH", path, { allowedApps: [] });
  assert.equal(changed.status, 200, JSON.stringify(changed.body));
  const report = await doctor("hve");
  assert.deepEqual([report.ok, report.findings[0]?.code], [false, "allowed-apps"], JSON.stringify(report));
  assert.deepEqual(report.findings[0]?.commands, [
    `Add-HVEAppAccess -Identity ${credentials.hveAccount} -AppIds "${credentials.objectId}"`,
  ]);
  await sandbox.call("PATCH", path, { allowedApps: [credentials.objectId] });
});

test("the command line says it for people and with its exit code; nothing secret is in log or output", async () => {
  const { stdout, code } = await postern(["doctor", "m365", "--data", place.data]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^m365 \(.*localhost:\d+\)\n {2}ok {4}token: got by identity gateway \(client-secret, file .*secret\)/);
  const rotation = await postern(["setup", "m365", "--rotate", "--data", place.data]);
  assert.match(rotation.stdout, /az ad app credential reset --id 5a9db0c5-0000-4000-8000-00000000a001 --append/);
  const neither = await postern(["setup", "m365", "--data", place.data]);
  assert.equal(neither.code, 64);
  const status = await postern(["status", "--data", place.data]);
  assert.match(status.stdout, /identity gateway \(client-secret .*ends 2027-01-31\) has a token/);
  for (const text of [stdout, rotation.stdout, status.stdout, gateway.log])
    assert(!text.includes(credentials.clientSecret) && !/eyJ[\w-]{20}/.test(text));
});

test("a secret that was exchanged in its file is used for the next token, without a restart", async () => {
  writeFileSync(secretFile(), "wrong");
  await gateway.stop();
  gateway = await GatewayProcess.ready(place);
  const broken = await doctor("hve");
  assert.deepEqual([broken.ok, broken.findings[0]?.code], [false, "token-failed"]);
  assert.match(broken.summary, /client secret is wrong \(AADSTS7000215\)/);
  writeFileSync(secretFile(), credentials.clientSecret);
  assert.equal((await doctor("hve")).ok, true);
});
