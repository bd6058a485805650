/**
 * Each kind of identity the whole way: a gateway gets its token at the sandbox's Entra, logs in with it (XOAUTH2), and the message arrives. A
 * user's sign-in goes through `postern setup ROUTE --login`, with the test as their browser; then the gateway is killed between the renewals.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { credentials } from "../../src/sandbox/credentials.ts";
import { identityHeader } from "../../src/sandbox/entra/managed-identity.ts";
import { postern } from "../support/cli.ts";
import { frontRequest, postForm } from "../support/entra-client.ts";
import { freePort } from "../support/free-port.ts";
import { GatewayProcess, type GatewayPlace } from "../support/gateway-process.ts";
import { changeTenant, first } from "../support/room-client.ts";
import { rsaCertificate } from "../support/rsa-certificate.ts";
import { openTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/until.ts";

const { mailboxPassword, hveAccount, hvePassword, tenantId, clientId } = credentials;
/** Each has an identity, a route and a mailbox of that name; the sender chooses the route. */
const names = ["secret", "certificate", "metadata", "app-service", "password", "device", "browser"] as const;
type Name = (typeof names)[number];
const mailboxOf = (name: Name): string => `${name}@contoso.example`;

suite("identities at the sandbox's Entra", { timeout: 180_000 }, () => {
  const folder = temporaryFolder();
  let sandbox: TestSandbox;
  let place: GatewayPlace;
  let gateway: GatewayProcess;

  before(async () => {
    sandbox = await openTestSandbox();
    const pair = await rsaCertificate("postern gateway");
    changeTenant(sandbox, (tenant) => ({
      ...tenant,
      applications: first(tenant.applications, { certificates: [pair.cert] }),
      // The demo's mailbox under other names: a mailbox has three connections, and routes keep theirs for a while.
      mailboxes: names.flatMap((name) => first(tenant.mailboxes, { address: mailboxOf(name) }).slice(0, 1)),
    }));
    place = { folder: folder.path, data: join(folder.path, "data"), config: join(folder.path, "postern.yaml"), port: await freePort() };
    mkdirSync(place.data, { mode: 0o700 });
    for (const [name, text] of Object.entries({
      "ca.pem": sandbox.ca,
      "app.pem": pair.cert,
      "app.key": pair.key,
      secret: credentials.clientSecret,
      "mailbox-password": mailboxPassword,
      "hve-password": hvePassword,
      "store-key": "0123456789abcdef0123456789abcdef",
    }))
      writeFileSync(join(folder.path, name), text, { mode: 0o600 });
    writeFileSync(place.config, configuration(sandbox, place));
    // What App Service and Container Apps set for a program that runs there.
    process.env["IDENTITY_ENDPOINT"] = `http://localhost:${sandbox.port("api-http")}/msi/token`;
    process.env["IDENTITY_HEADER"] = identityHeader;
    gateway = await GatewayProcess.ready(place);
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sandbox?.[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  async function send(from: string, to: string): Promise<void> {
    using dialog = await SmtpDialog.open(place.port);
    await dialog.reply();
    for (const line of ["EHLO test", `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, "DATA"]) await dialog.say(line);
    assert.match(await dialog.say(`From: <${from}>\r\nSubject: Hi\r\n\r\nHi\r\n.`), /^250 2\.0\.0 /);
  }

  async function arrived(service: string, to: string): Promise<void> {
    const messages = await until(
      `mail for ${to}`,
      async () => {
        const found = await sandbox.messages(`?to=${encodeURIComponent(to)}`);
        return found.length > 0 && found;
      },
      { everyMs: 50, timeoutMs: 30_000 },
    ).catch((error: unknown) => assert.fail(`${String(error)}\n${gateway.log.slice(-3000)}`));
    assert.equal(messages[0]?.service, service);
  }

  const retryAll = async (): Promise<void> => {
    const { code, stderr } = await postern(["queue", "retry", "--all", "--data", place.data]);
    assert.equal(code, 0, stderr);
  };

  const worksWith = async (route: string): Promise<string> => {
    const { code, stdout, stderr } = await postern(["doctor", route, "--data", place.data]);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };

  for (const [name, who] of [
    ["secret", new RegExp(`client-secret, file .*secret\\): application ${clientId}`)],
    ["certificate", new RegExp(`client-certificate, file .*app\\.pem\\): application ${clientId}`)],
    ["metadata", /managed-identity\): application 5a9db0c5-0000-4000-8000-00000000a002/],
    ["app-service", /managed-identity\): application 5a9db0c5-0000-4000-8000-00000000a002/],
    ["password", /password@contoso\.example through application/],
  ] as const) {
    test(`${name}: a token, a log-in, a message`, async () => {
      await send(mailboxOf(name), `bob+${name}@fabrikam.example`);
      await arrived("smtp-auth", `bob+${name}@fabrikam.example`);
      const report = await worksWith(name);
      assert.match(report, who);
      assert.match(report, new RegExp(`logged in as ${name}@contoso\\.example`));
    });
  }

  test("High Volume Email with the account's password exchanged for a token, and with a certificate", async () => {
    for (const domain of ["contoso.example", "contoso.onmicrosoft.example"]) {
      await send(hveAccount, `ann@${domain}`);
      await arrived("hve", `ann@${domain}`);
    }
  });

  /** Runs `postern setup ROUTE --login`; `browse` does what its line asks a user to do. */
  async function signIn(route: string, browse: (line: string) => Promise<void>): Promise<string> {
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "src/cli/postern.ts", "setup", route, "--login", "--data", place.data],
      { cwd: join(import.meta.dirname, "../.."), stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 },
    );
    let output = "";
    const asked = Promise.withResolvers<string>();
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const line = /^Open .*\n/m.exec(output)?.[0];
        if (line !== undefined) asked.resolve(line);
      });
    const closed = new Promise((resolve) => child.once("close", resolve));
    void closed.then(() => asked.reject(new Error(output)));
    await browse(await asked.promise);
    await closed;
    return output;
  }

  test("device code: mail waits for the sign-in, then goes as the user", async () => {
    await send(mailboxOf("device"), "bob+device@fabrikam.example");
    await until("the route says what is missing", () => gateway.log.includes("nobody has signed in yet"));
    const output = await signIn("device", async (line) => {
      const code = /type the code (\S+)/.exec(line)?.[1] ?? assert.fail(line);
      assert.match(line, new RegExp(`Open https://localhost:${sandbox.port("api")}/devicelogin in a browser`));
      const page = await postForm(sandbox, "/devicelogin", { otc: code, user: mailboxOf("device"), decision: "approve" });
      assert.match(page.text, /Done\. You can close this page/);
    });
    assert.match(output, /signed in; try it: postern doctor device/);
    // The route's circuit does not wait for its time: what comes now goes at once, and what was tried before when an operator says so.
    await send(mailboxOf("device"), "eve+device@fabrikam.example");
    await arrived("smtp-auth", "eve+device@fabrikam.example");
    await retryAll();
    await arrived("smtp-auth", "bob+device@fabrikam.example");
    assert.match(await worksWith("device"), /logged in as device@contoso\.example/);
  });

  test("authorisation code: the browser comes back to the gateway, and its mail goes as the user", async () => {
    const output = await signIn("browser", async (line) => {
      const asked = new URL(/https:\S+/.exec(line)?.[0] ?? assert.fail(line));
      asked.searchParams.set("login_hint", mailboxOf("browser"));
      const back = await frontRequest(sandbox, `${asked.pathname}${asked.search}`);
      assert.equal(back.status, 302, back.text);
      const location = String(back.headers["location"]).replace("//localhost:", "//127.0.0.1:");
      assert.equal(await (await fetch(location)).text(), "Signed in. You can close this window.\n");
    });
    assert.match(output, /signed in; try it: postern doctor browser/);
    await send(mailboxOf("browser"), "bob+browser@fabrikam.example");
    await arrived("smtp-auth", "bob+browser@fabrikam.example");
  });

  test("kill -9 between renewals, again and again: what was signed in once still serves, and no mail is lost", async () => {
    // Tokens that are renewed with every connection: each renewal gives another refresh token.
    await sandbox.call("PATCH", "/api/tenant/policies", { accessTokenLifetimeSeconds: 1 });
    const rounds = 6;
    for (let round = 0; round < rounds; round++) {
      for (const name of ["device", "browser"] as const) await send(mailboxOf(name), `${name}+${round}@fabrikam.example`);
      // Somewhere between the first question to Entra and the last reply.
      await new Promise((resolve) => setTimeout(resolve, round * 40));
      await gateway.kill();
      gateway = await GatewayProcess.ready(place);
    }
    // What was on its way in the moment of a kill is in doubt, and waits for an operator's word.
    await retryAll();
    for (const name of ["device", "browser"])
      for (let round = 0; round < rounds; round++) await arrived("smtp-auth", `${name}+${round}@fabrikam.example`);
    assert.match(await worksWith("device"), /logged in as device@contoso\.example/);
    assert.deepEqual(readdirSync(join(place.data, "tokens")).toSorted(), ["browser.token", "device.token"], "nothing half-written stays");
  });
});

function configuration(sandbox: TestSandbox, { port }: GatewayPlace): string {
  const app = `authority: "https://localhost:${sandbox.port("api")}", tenant: ${tenantId}, clientId: ${clientId}`;
  const way = (room: string) => `host: localhost, port: ${sandbox.port(room)}, ca: { file: ca.pem }, allowPrivate: true`;
  const smtpAuth = names.map(
    (name) => `  - { name: ${name}, kind: smtp-auth, ${way("smtp-auth")}, auth: { user: ${mailboxOf(name)}, identity: ${name} } }`,
  );
  const rules = names.map((name) => `    - { name: ${name}, when: { reversePaths: [${mailboxOf(name)}] }, routes: [${name}] }`);
  return `hostname: gateway.contoso.example
postmaster: postmaster@contoso.example
listeners: [{ name: smtp, kind: relay, port: ${port} }]
networks: [{ name: loopback, addresses: [127.0.0.0/8], reversePaths: ["@contoso.example", "<>"] }]
http: { console: { enabled: false } }
network: { ca: { file: ca.pem }, allowPrivate: true }
queue: { retry: { first: 1s, factor: 1, longest: 1s, jitter: 0 } }
tokenStore: { key: { file: store-key } }
identities:
  - { name: secret, kind: client-secret, ${app}, secrets: [{ file: secret }] }
  - { name: certificate, kind: client-certificate, ${app}, certificates: [{ cert: { file: app.pem }, key: { file: app.key } }] }
  - { name: metadata, kind: managed-identity, endpoint: "http://localhost:${sandbox.port("api-http")}/metadata/identity/oauth2/token" }
  - { name: app-service, kind: managed-identity }
  - { name: password, kind: password, ${app}, user: ${mailboxOf("password")}, password: { file: mailbox-password } }
  - { name: hve-password, kind: password, ${app}, user: ${hveAccount}, password: { file: hve-password } }
  - { name: device, kind: device-code, ${app}, user: ${mailboxOf("device")} }
  - { name: browser, kind: authorization-code, ${app} }
routes:
${smtpAuth.join("\n")}
  - { name: hve-password, kind: hve, ${way("hve")}, auth: { user: ${hveAccount}, identity: hve-password } }
  - { name: hve-certificate, kind: hve, ${way("hve")}, auth: { user: ${hveAccount}, identity: certificate } }
routing:
  acceptedDomains: [contoso.example, contoso.onmicrosoft.example]
  rules:
${rules.join("\n")}
    - { name: HVE by password, when: { recipientDomains: [contoso.example] }, routes: [hve-password] }
    - { name: HVE by certificate, when: { recipientDomains: [contoso.onmicrosoft.example] }, routes: [hve-certificate] }
`;
}
