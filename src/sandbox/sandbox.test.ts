import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { SmtpDialog } from "../../test/support/smtp-dialog.ts";
import { openTestSandbox, type TestSandbox } from "../../test/support/sandbox.ts";
import { until } from "../../test/support/until.ts";
import { sandboxEnvironment } from "./environment.ts";

/** Begins a transaction up to the accepted recipients. */
async function begin(port: number, recipients: readonly string[], reversePath = "alerts@contoso.example"): Promise<SmtpDialog> {
  const dialog = await SmtpDialog.open(port);
  assert.match(await dialog.reply(), /^220 /);
  assert.match(await dialog.say("EHLO client.example"), /^250-/);
  assert.match(await dialog.say(`MAIL FROM:<${reversePath}>`), /^250 /);
  for (const recipient of recipients) assert.match(await dialog.say(`RCPT TO:<${recipient}>`), /^250 /, recipient);
  return dialog;
}

async function send(port: number, recipients: readonly string[], content: string | Buffer, reversePath?: string): Promise<string> {
  using dialog = await begin(port, recipients, reversePath);
  assert.match(await dialog.say("DATA"), /^354 /);
  dialog.send(content);
  return await dialog.say("\r\n.");
}

async function raw({ url }: TestSandbox, id: string | undefined): Promise<Buffer> {
  const answer = await fetch(`${url}/api/messages/${id}/raw`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "message/rfc822");
  return Buffer.from(await answer.arrayBuffer());
}

test("a message can be read back, envelope and bytes", async () => {
  await using sandbox = await openTestSandbox();
  const content =
    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?B?IGF1cyBVbG0=?=\r\nMessage-ID: <1@contoso.example>\r\n\r\n..dot\r\nlast\r\n";
  assert.match(
    await send(sandbox.port("tenant-mx"), ["Bob@contoso.example", "eve+x@contoso.onmicrosoft.example"], content.slice(0, -2)),
    /^250 2\.6\.0 <1@contoso\.example>/,
  );
  await send(sandbox.port("internet-mx"), ["ann@fabrikam.example"], "Subject: out\r\n\r\nhi", "");
  const all = await sandbox.messages();
  assert.deepEqual(
    all.map(({ service, mailFrom, rcptTo, subject, verdict }) => ({ service, mailFrom, rcptTo, subject, verdict })),
    [
      { service: "internet-mx", mailFrom: "", rcptTo: ["ann@fabrikam.example"], subject: "out", verdict: "accepted" },
      {
        service: "tenant-mx",
        mailFrom: "alerts@contoso.example",
        rcptTo: ["Bob@contoso.example", "eve+x@contoso.onmicrosoft.example"],
        subject: "Grüße aus Ulm",
        verdict: "accepted",
      },
    ],
  );
  assert.equal((await raw(sandbox, all[1]?.id)).toString(), content.replace("..dot", ".dot"));
  assert.ok(Math.abs(Date.parse(all[0]?.receivedAt ?? "") - Date.now()) < 60_000);
  // An MX checks what it took when there is time; afterwards nothing changes any more.
  const checked = await until("checks", async () => {
    const messages = await sandbox.messages();
    return messages.every(({ authentication }) => authentication !== undefined) && messages;
  });
  assert.deepEqual((await sandbox.call("GET", `/api/messages/${all[0]?.id}`)).body, checked[0]);
});

test("the listing is filtered", async () => {
  await using sandbox = await openTestSandbox();
  await send(sandbox.port("tenant-mx"), ["bob@contoso.example"], "Subject: 1\r\n\r\n");
  await send(sandbox.port("tenant-mx"), ["eve+x@contoso.example", "bob@contoso.example"], "Subject: 2\r\n\r\n", "boss@fabrikam.example");
  await send(sandbox.port("internet-mx"), ["ann@gmail.example"], "Subject: 3\r\n\r\n", "");
  const subjects = async (query: string) => (await sandbox.messages(query)).map(({ subject }) => subject).join();
  assert.equal(await subjects(""), "3,2,1");
  assert.equal(await subjects("?to=BOB@contoso.example"), "2,1");
  assert.equal(await subjects("?to=bob@contoso.example&limit=1"), "2");
  assert.equal(await subjects("?to=eve%2Bx@contoso.example"), "2");
  assert.equal(await subjects("?to=eve+x@contoso.example"), "2");
  assert.equal(await subjects("?to=@gmail.example"), "3");
  assert.equal(await subjects("?to=contoso.example"), "2,1");
  assert.equal(await subjects("?from=boss@fabrikam.example"), "2");
  assert.equal(await subjects("?from=<>"), "3");
  assert.equal(await subjects("?service=internet-mx"), "3");
  assert.equal(await subjects("?service=hve"), "");
  assert.equal(await subjects("?to=&from=&service=&limit="), "3,2,1");
  assert.equal((await sandbox.call("GET", "/api/messages?limit=0")).status, 400);
  assert.equal((await sandbox.call("GET", "/api/messages?too=x")).status, 400);
});

test("messages outlive a restart; a torn index line and a stray file do not", async () => {
  await using sandbox = await openTestSandbox();
  await send(sandbox.port("tenant-mx"), ["bob@contoso.example"], "Subject: kept\r\n\r\n");
  const messages = join(sandbox.folder, "sandbox", "messages");
  await appendFile(join(messages, "stray.eml"), "x");
  await appendFile(join(messages, "index.ndjson"), '{"id":"06XX');
  await sandbox.restart();
  await send(sandbox.port("tenant-mx"), ["bob@contoso.example"], "Subject: new\r\n\r\n");
  await sandbox.restart();
  const kept = await sandbox.messages();
  assert.deepEqual(
    kept.map(({ subject }) => subject),
    ["new", "kept"],
  );
  assert.equal((await readdir(messages)).filter((name) => name.endsWith(".eml")).length, 2);
  assert.deepEqual((await sandbox.call("DELETE", "/api/messages")).body, { deleted: 2 });
  assert.deepEqual((await sandbox.call("GET", "/api/messages")).body, []);
  assert.equal((await sandbox.call("GET", `/api/messages/${kept[0]?.id}/raw`)).status, 404);
  await sandbox.restart();
  assert.deepEqual((await sandbox.call("GET", "/api/messages")).body, []);
});

test("the oldest messages go when there are too many", async () => {
  await using sandbox = await openTestSandbox({ keep: { messages: 3 } });
  for (let count = 1; count <= 5; count++) await send(sandbox.port("tenant-mx"), ["bob@contoso.example"], `Subject: ${count}\r\n\r\n`);
  const kept = await sandbox.messages();
  assert.deepEqual(
    kept.map(({ subject }) => subject),
    ["5", "4", "3"],
  );
  await sandbox.restart();
  assert.equal((await sandbox.call("GET", "/api/messages")).body.length, 3);
});

test("a large message is streamed to its file and comes back whole", async () => {
  await using sandbox = await openTestSandbox();
  const line = `${randomBytes(36).toString("base64")}\r\n`;
  const content = Buffer.from(`Subject: large\r\n\r\n${line.repeat(160_000)}`);
  assert.match(await send(sandbox.port("tenant-mx"), ["bob@contoso.example"], content.subarray(0, -2)), /^250 /);
  const kept = await sandbox.messages();
  assert.equal(kept[0]?.size, content.length);
  assert.ok((await raw(sandbox, kept[0]?.id)).equals(content));
  // Cut off in the middle: nothing stays.
  {
    using dialog = await begin(sandbox.port("tenant-mx"), ["bob@contoso.example"]);
    await dialog.say("DATA");
    dialog.send(content.subarray(0, 2_000_000));
  }
  await sandbox.restart();
  assert.equal((await readdir(join(sandbox.folder, "sandbox", "messages"))).length, 2);
});

test("each receiver takes mail for its domains and no others", async () => {
  await using sandbox = await openTestSandbox({ tenant: { mailboxes: ["bob@contoso.example"] } });
  using tenant = await begin(sandbox.port("tenant-mx"), ["BOB@Contoso.Example"]);
  assert.match(await tenant.say("RCPT TO:<ann@fabrikam.example>"), /^550 5\.7\.64 TenantAttribution; Relay Access Denied SMTP \[/);
  assert.match(await tenant.say("RCPT TO:<eve@contoso.example>"), /^550 5\.4\.1 Recipient address rejected: Access denied\./);
  using internet = await begin(sandbox.port("internet-mx"), ["a@fabrikam.example", "b@outlook.example", "c@gmail.example"]);
  assert.match(await internet.say("RCPT TO:<bob@contoso.example>"), /^550 5\.7\.1 /);
  assert.match(await internet.say("RCPT TO:<bob@sub.fabrikam.example>"), /^550 5\.7\.1 /);
});

test("more than 200 recipients of one domain are put off by the tenant's MX", async () => {
  await using sandbox = await openTestSandbox();
  using dialog = await begin(
    sandbox.port("tenant-mx"),
    Array.from({ length: 200 }, (_, index) => `user${index}@contoso.example`),
  );
  assert.match(await dialog.say("RCPT TO:<one-more@contoso.example>"), /^452 4\.5\.3 Too many recipients/);
});

test("the environment names what exists, and nothing else", async () => {
  await using sandbox = await openTestSandbox();
  assert.deepEqual(sandboxEnvironment(sandbox.sandbox), {
    SANDBOX_API: `https://localhost:${sandbox.port("api")}`,
    SANDBOX_API_HTTP: `http://localhost:${sandbox.port("api-http")}`,
    SANDBOX_AUTHORITY: `https://localhost:${sandbox.port("api")}`,
    SANDBOX_TENANT_ID: "5a9db0c5-0000-4000-8000-c0070c0e0000",
    SANDBOX_CLIENT_ID: "5a9db0c5-0000-4000-8000-00000000a001",
    SANDBOX_CLIENT_SECRET: "Sbx8Q~public-sandbox-secret-0123456789abc",
    SANDBOX_UI: sandbox.url,
    SANDBOX_PID: String(process.pid),
    SANDBOX_MX: `127.0.0.1:${sandbox.port("tenant-mx")}`,
    SANDBOX_ON_PREMISES: `127.0.0.1:${sandbox.port("on-premises")}`,
    SANDBOX_SMTP_AUTH: `127.0.0.1:${sandbox.port("smtp-auth")}`,
    SANDBOX_HVE: `127.0.0.1:${sandbox.port("hve")}`,
    SANDBOX_ACS_SMTP: `127.0.0.1:${sandbox.port("acs-smtp")}`,
    SANDBOX_SENDGRID_SMTP: `127.0.0.1:${sandbox.port("sendgrid-smtp")}`,
    SANDBOX_MAILBOX: "app@contoso.example",
    SANDBOX_MAILBOX_PASSWORD: "Sandbox-Mailbox-1",
    SANDBOX_HVE_ACCOUNT: "hve-scanner@contoso.example",
    SANDBOX_HVE_PASSWORD: "Sandbox-Hve-1",
    SANDBOX_ACS_KEY: "cG9zdGVybi1zYW5kYm94LWFjcy1hY2Nlc3Mta2V5LTA=",
    SANDBOX_ACS_SENDER: "noreply@notify.contoso.example",
    SANDBOX_ACS_SMTP_USER: "contoso-acs.5a9db0c5-0000-4000-8000-00000000a001.5a9db0c5-0000-4000-8000-c0070c0e0000",
    SANDBOX_ACS_SMTP_PASSWORD: "Sbx8Q~public-sandbox-secret-0123456789abc",
    SANDBOX_SENDGRID_KEY: "SG.sandbox-public-key.0123456789abcdefghijklmnopqrstuvwxyz-ABCDEF",
    SANDBOX_INTERNET_MX: `127.0.0.1:${sandbox.port("internet-mx")}`,
    SANDBOX_DNS: `127.0.0.1:${sandbox.port("dns")}`,
  });
  assert.equal((await sandbox.call("GET", "/readyz")).status, 200);
  const { body } = await sandbox.call("GET", "/api/tenant");
  assert.deepEqual(body.domains, ["contoso.example", "contoso.onmicrosoft.example"]);
});

test("a reset takes messages, faults and clock back, and leaves the tenant", async () => {
  await using sandbox = await openTestSandbox();
  await send(sandbox.port("tenant-mx"), ["bob@contoso.example"], "Subject: 1\r\n\r\n");
  await sandbox.call("POST", "/api/faults", { match: { at: "mail" }, action: { reply: "451 4.3.0 no" } });
  await sandbox.call("POST", "/api/clock", { advance: "2d" });
  const { status, body } = await sandbox.call("POST", "/api/reset");
  assert.equal(status, 200);
  assert.equal(body.messages, 1);
  assert.deepEqual((await sandbox.call("GET", "/api/messages")).body, []);
  assert.deepEqual((await sandbox.call("GET", "/api/faults")).body, []);
  assert.ok(Math.abs(Date.parse((await sandbox.call("GET", "/api/clock")).body.now) - Date.now()) < 60_000);
  assert.equal((await sandbox.call("GET", "/api/tenant")).body.name, "Contoso");
});

test("sessions that come while messages are cleared are kept or gone, never half", async () => {
  await using sandbox = await openTestSandbox();
  const port = sandbox.port("tenant-mx");
  const sending = Array.from({ length: 8 }, async (_, index) => {
    for (let count = 0; count < 10; count++) await send(port, ["bob@contoso.example"], `Subject: ${index}.${count}\r\n\r\n`);
  });
  const clearing = (async () => {
    for (let count = 0; count < 5; count++) await sandbox.call("DELETE", "/api/messages");
  })();
  await Promise.all([...sending, clearing]);
  const kept = await sandbox.messages();
  for (const { id, size } of kept) assert.equal((await raw(sandbox, id)).length, size);
});
