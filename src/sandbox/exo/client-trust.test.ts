/** A connector asks for a certificate by its name; that counts only when the certificate is valid and of an authority that is trusted. */
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { X509CertificateGenerator } from "@peculiar/x509";
import { openTestSandbox, type TestSandbox } from "../../../test/support/sandbox.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { createAuthority, createServerCertificate, type Certificate } from "../../lib/certificates.ts";

const name = "gw.contoso.example";

async function open(folder: string, trust: string | null): Promise<TestSandbox> {
  const file = join(folder, "tenant.yaml");
  await writeFile(
    file,
    `id: 5a9db0c5-0000-4000-8000-c0070c0e0000\nname: Contoso\ndomains: [contoso.example]\nconnectors:\n  - { name: gateway, tlsSenderCertificateName: ${name}, requireTls: true }\n`,
  );
  return await openTestSandbox({ tenant: { file }, ...(trust === null ? {} : { trust }) });
}

/** The reply to a recipient outside: relaying is what being found to originate in the tenant is for. */
async function relays(sandbox: TestSandbox, certificate: Certificate | null): Promise<string> {
  using dialog = await SmtpDialog.open(sandbox.port("tenant-mx"));
  await dialog.reply();
  await dialog.say(`EHLO ${name}`);
  await dialog.say("STARTTLS");
  await dialog.startTls({ ca: sandbox.ca, ...(certificate === null ? {} : { cert: certificate.cert, key: certificate.key }) });
  await dialog.say(`EHLO ${name}`);
  await dialog.say("MAIL FROM:<scanner@contoso.example>");
  return (await dialog.say("RCPT TO:<ann@fabrikam.example>")).slice(0, 9);
}

/** Self-signed, good from and to some days from now. */
async function selfSigned(from: number, to: number): Promise<Certificate> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const day = 86_400_000;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: `CN=${name}`,
    notBefore: new Date(Date.now() + from * day),
    notAfter: new Date(Date.now() + to * day),
    keys,
    signingAlgorithm: algorithm,
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return { cert: certificate.toString("pem"), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
}

suite("whose client certificate counts", () => {
  test("with `trust`, those of its authorities alone", async () => {
    using folder = temporaryFolder();
    const [ours, others] = [await createAuthority("Ours"), await createAuthority("Another's")];
    await using sandbox = await open(folder.path, ours.cert);
    assert.equal(await relays(sandbox, await createServerCertificate(ours, [name])), "250 2.1.5");
    assert.equal(await relays(sandbox, await createServerCertificate(others, [name])), "550 5.7.6", "a stranger's authority");
    assert.equal(await relays(sandbox, await selfSigned(-1, 30)), "550 5.7.6", "nobody vouches for it");
    assert.equal(await relays(sandbox, null), "550 5.7.6");
  });

  test("without it any that is valid now, by wall time", async () => {
    using folder = temporaryFolder();
    await using sandbox = await open(folder.path, null);
    assert.equal(await relays(sandbox, await selfSigned(-1, 30)), "250 2.1.5");
    assert.equal(await relays(sandbox, await selfSigned(-30, -1)), "550 5.7.6", "expired");
    assert.equal(await relays(sandbox, await selfSigned(1, 30)), "550 5.7.6", "not yet valid");
    await sandbox.call("POST", "/api/clock", { advance: "100d" });
    assert.equal(await relays(sandbox, await selfSigned(-1, 30)), "250 2.1.5", "TLS is not on the policy clock");
  });
});
