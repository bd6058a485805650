import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { skipUnlessSwaksTls } from "../../../test/support/programs.ts";
import { runProgram } from "../../../test/support/run-program.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { createAuthority, createServerCertificate } from "../../lib/certificates.ts";

const tenantFile = (connectors: string, policies = ""): string =>
  `id: 5a9db0c5-0000-4000-8000-c0070c0e0000\nname: Contoso\ndomains: [contoso.example, contoso.onmicrosoft.example]\ncatchAll: true\n${policies}connectors:\n${connectors}`;

async function openTenant(folder: string, yaml: string, addresses: Readonly<Record<string, string>> = {}): Promise<TestSandbox> {
  const file = join(folder, "tenant.yaml");
  await writeFile(file, yaml);
  return await openTestSandbox({ tenant: { file }, addresses });
}

/** The reply to RCPT, after MAIL. */
async function rcpt(sandbox: TestSandbox, from: string, to: string): Promise<string> {
  using dialog = await SmtpDialog.open(sandbox.port("tenant-mx"));
  await dialog.reply();
  await dialog.say("EHLO client.example");
  await dialog.say(`MAIL FROM:<${from}>`);
  return await dialog.say(`RCPT TO:<${to}>`);
}

test(
  "a client certificate of the tenant may relay, another may not; the listing says which connector",
  { skip: skipUnlessSwaksTls() },
  async () => {
    await using files = await openTestSandbox();
    await using sandbox = await openTenant(
      files.folder,
      tenantFile("  - { name: gateway, tlsSenderCertificateName: gw.contoso.example, requireTls: true }\n"),
    );
    const authority = await createAuthority("Client authority");
    const swaks = async (name: string, from: string, to: string) => {
      const { cert, key } = await createServerCertificate(authority, [name]);
      const [certFile, keyFile] = [join(files.folder, `${name}.pem`), join(files.folder, `${name}.key`)];
      await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key)]);
      const { stdout } = await runProgram("swaks", [
        ...["--server", "127.0.0.1", "--port", String(sandbox.port("tenant-mx")), "--tls", "--tls-cert", certFile, "--tls-key", keyFile],
        ...["--from", from, "--to", to, "--header", "Subject: relayed", "--ehlo", "gw.contoso.example"],
      ]);
      return stdout;
    };
    assert.match(await swaks("gw.contoso.example", "scanner@contoso.example", "ann@fabrikam.example"), /<~  250 2\.6\.0 /);
    assert.match(
      await swaks("gw.fabrikam.example", "scanner@contoso.example", "ann@fabrikam.example"),
      /<~\* 550 5\.7\.64 TenantAttribution/,
    );
    const [message] = await sandbox.messages();
    assert.deepEqual(message?.attribution, {
      direction: "Originating",
      connector: "gateway",
      connectorType: "OnPremises",
      by: "certificate",
      treatAsInternal: false,
    });
  },
);

test("an address of a connector may relay for senders of the tenant only", async () => {
  await using files = await openTestSandbox();
  await using sandbox = await openTenant(files.folder, tenantFile("  - { name: by address, senderIPAddresses: [203.0.113.0/28] }\n"), {
    "127.0.0.1": "203.0.113.9",
  });
  assert.match(await rcpt(sandbox, "scanner@contoso.example", "ann@fabrikam.example"), /^250 /);
  assert.match(
    await rcpt(sandbox, "ann@fabrikam.example", "ann@gmail.example"),
    /^550 5\.7\.64 TenantAttribution; Relay Access Denied SMTP \[contoso-example\.mail\.protection\.outlook\.example /,
  );
  assert.match(await rcpt(sandbox, "", "ann@gmail.example"), /^550 5\.7\.64 /);
  await sandbox.call("PUT", "/api/addresses", { "127.0.0.1": "203.0.113.99" });
  assert.match(await rcpt(sandbox, "scanner@contoso.example", "ann@fabrikam.example"), /^550 5\.7\.64 /);
});

test("a partner connector that is locked keeps others out", async () => {
  await using files = await openTestSandbox();
  const locked = "connectorType: Partner, senderDomains: ['smtp:fabrikam.example;1'], restrictDomainsToIPAddresses: true";
  await using sandbox = await openTenant(files.folder, tenantFile(`  - { name: locked, ${locked}, senderIPAddresses: [198.51.100.7] }\n`), {
    "127.0.0.1": "203.0.113.9",
  });
  assert.match(
    await rcpt(sandbox, "ann@fabrikam.example", "bob@contoso.example"),
    /^550 5\.7\.51 TenantInboundAttribution; There is a partner connector configured that matched the message's recipient domain\. The connector had either the RestrictDomainsToIPAddresses or RestrictDomainsToCertificate set \[/,
  );
  assert.match(await rcpt(sandbox, "ann@gmail.example", "bob@contoso.example"), /^250 /);
  await sandbox.call("PUT", "/api/addresses", { "127.0.0.1": "198.51.100.7" });
  assert.match(await rcpt(sandbox, "ann@fabrikam.example", "bob@contoso.example"), /^250 /);
});

test("RejectDirectSend stops the tenant's own senders, and nobody who has a connector", async () => {
  await using files = await openTestSandbox();
  await using sandbox = await openTenant(
    files.folder,
    tenantFile("  - { name: device, senderIPAddresses: [203.0.113.9] }\n", "policies: { rejectDirectSend: true }\n"),
  );
  assert.equal(
    (await rcpt(sandbox, "scanner@contoso.example", "bob@contoso.example")).trimEnd(),
    "550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
  );
  assert.match(await rcpt(sandbox, "ann@fabrikam.example", "bob@contoso.example"), /^250 /);
  assert.match(await rcpt(sandbox, "", "bob@contoso.example"), /^250 /);
  await sandbox.call("PUT", "/api/addresses", { "127.0.0.1": "203.0.113.9" });
  assert.match(await rcpt(sandbox, "scanner@contoso.example", "bob@contoso.example"), /^250 /);
});

test("a connector that requires TLS says so", async () => {
  await using files = await openTestSandbox();
  await using sandbox = await openTenant(
    files.folder,
    tenantFile("  - { name: tls, connectorType: Partner, senderDomains: ['smtp:fabrikam.example;1'], requireTls: true }\n"),
  );
  assert.equal(
    (await rcpt(sandbox, "ann@fabrikam.example", "bob@contoso.example")).trimEnd(),
    "451 5.7.3 STARTTLS is required to send mail",
  );
});

test("what the edge has against a client is switched on and off", async () => {
  await using sandbox = await openTestSandbox({ addresses: { "127.0.0.1": "203.0.113.66" } });
  const reply = (): Promise<string> => rcpt(sandbox, "ann@fabrikam.example", "bob@contoso.example");
  await sandbox.call("PUT", "/api/edge", { bannedAddresses: ["203.0.113.66"] });
  assert.match(await reply(), /^550 5\.7\.606 Access denied, banned sending IP \[203\.0\.113\.66\]/);
  await sandbox.call("PUT", "/api/edge", { listedAddresses: ["203.0.113.66"] });
  assert.match(await reply(), /^550 5\.7\.1 Service unavailable, Client host \[203\.0\.113\.66\] blocked using Spamhaus\./);
  await sandbox.call("PUT", "/api/edge", { wrongRegion: true });
  assert.match(await reply(), /^451 4\.4\.62 Mail sent to the wrong Office 365 region\. ATTR35\./);
  await sandbox.call("POST", "/api/reset");
  assert.match(await reply(), /^250 /);
});

test("a mailbox takes 1,200 messages an hour from one sender and 3,600 from all", { timeout: 120_000 }, async () => {
  await using sandbox = await openTestSandbox();
  using dialog = await SmtpDialog.open(sandbox.port("tenant-mx"));
  await dialog.reply();
  await dialog.say("EHLO client.example");
  const send = async (from: string): Promise<string> => {
    await dialog.say(`MAIL FROM:<${from}>`);
    const answer = await dialog.say("RCPT TO:<bob@contoso.example>");
    if (!answer.startsWith("250")) {
      await dialog.say("RSET");
      return answer;
    }
    await dialog.say("DATA");
    return await dialog.say("Subject: x\r\n\r\nx\r\n.");
  };
  for (let count = 0; count < 1200; count++) assert.match(await send("one@fabrikam.example"), /^250 /);
  assert.equal(
    (await send("One@fabrikam.example")).trimEnd(),
    "550 5.2.121 Recipient's per hour message receive limit from specific sender exceeded",
  );
  for (let count = 0; count < 2400; count++) assert.match(await send(`s${count}@fabrikam.example`), /^250 /);
  assert.match(await send("new@fabrikam.example"), /^550 5\.2\.122 The recipient has exceeded their limit for the number of messages/);
  await sandbox.call("POST", "/api/clock", { advance: "1h" });
  assert.match(await send("one@fabrikam.example"), /^250 /);
});

test("for load tests the receiving limits can be off", async () => {
  await using sandbox = await openTestSandbox({ receivingLimits: false });
  using dialog = await SmtpDialog.open(sandbox.port("tenant-mx"));
  await dialog.reply();
  await dialog.say("EHLO client.example");
  for (let count = 0; count < 1201; count++) {
    await dialog.say("MAIL FROM:<one@fabrikam.example>");
    assert.match(await dialog.say("RCPT TO:<bob@contoso.example>"), /^250 /);
    await dialog.say("DATA");
    assert.match(await dialog.say("Subject: x\r\n\r\nx\r\n."), /^250 /);
  }
});
