import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { promisify } from "node:util";
import { createTransport } from "nodemailer";
import { skipUnless, skipUnlessSwaksTls } from "../../../test/support/programs.ts";
import { tokenFor } from "../../../test/support/room-client.ts";
import { openTestSandbox } from "../../../test/support/sandbox.ts";

const run = promisify(execFile);
const user = "app@contoso.example";
const password = "Sandbox-Mailbox-1";
const scope = "https://outlook.office365.com/.default";

suite("smtp.office365.com and other people's clients", () => {
  test("nodemailer, with a password and with a token", async () => {
    await using sandbox = await openTestSandbox();
    const server = { host: "localhost", port: sandbox.port("smtp-auth"), requireTLS: true, tls: { ca: sandbox.ca } };
    const accessToken = await tokenFor(sandbox, scope);
    for (const auth of [
      { user, pass: password },
      { type: "OAuth2" as const, user, accessToken },
    ]) {
      const transport = createTransport({ ...server, auth });
      await transport.sendMail({ from: user, to: "bob@contoso.example", subject: "by nodemailer", text: "hi" });
      transport.close();
    }
    assert.equal((await sandbox.messages("?service=smtp-auth")).length, 2);
  });

  test("swaks", { skip: skipUnlessSwaksTls() }, async () => {
    await using sandbox = await openTestSandbox();
    const server = ["--server", `127.0.0.1:${sandbox.port("smtp-auth")}`, "--tls", "--from", user, "--to", "bob@contoso.example"];
    await run("swaks", [...server, "--auth", "LOGIN", "--auth-user", user, "--auth-password", password]);
    await assert.rejects(run("swaks", [...server, "--auth", "LOGIN", "--auth-user", user, "--auth-password", "wrong"]), ({ stdout }) =>
      /535 5\.7\.139 Authentication unsuccessful, the user credentials were incorrect/.test(stdout),
    );
    await assert.rejects(
      run("swaks", [...server, "--auth", "PLAIN", "--auth-user", user, "--auth-password", password]),
      ({ stdout, stderr }) => !/^235/m.test(stdout + stderr),
    );
    assert.equal((await sandbox.messages("?service=smtp-auth")).length, 1);
  });

  test("curl with a token", { skip: skipUnless("curl") }, async () => {
    await using sandbox = await openTestSandbox();
    const [file, ca] = [join(sandbox.folder, "message.eml"), join(sandbox.folder, "ca.pem")];
    await Promise.all([writeFile(file, `From: ${user}\r\n\r\nhi\r\n`), writeFile(ca, sandbox.ca)]);
    const url = `smtp://localhost:${sandbox.port("smtp-auth")}`;
    const token = await tokenFor(sandbox, scope);
    const who = ["--user", user, "--oauth2-bearer", token, "--login-options", "AUTH=XOAUTH2"];
    const what = ["--mail-from", user, "--mail-rcpt", "bob@contoso.example", "--upload-file", file];
    await run("curl", ["--silent", "--show-error", "--max-time", "10", "--ssl-reqd", "--cacert", ca, ...who, ...what, url]);
    assert.equal((await sandbox.messages("?service=smtp-auth"))[0]?.account, user);
  });

  test("Python's smtplib", { skip: skipUnless("python3") }, async () => {
    await using sandbox = await openTestSandbox();
    const ca = join(sandbox.folder, "ca.pem");
    await writeFile(ca, sandbox.ca);
    const script = `
import smtplib, ssl, sys
with smtplib.SMTP("localhost", int(sys.argv[1]), timeout=10) as smtp:
    smtp.starttls(context=ssl.create_default_context(cafile=sys.argv[2]))
    smtp.login("${user}", "${password}")
    smtp.sendmail("${user}", ["bob@contoso.example"], b"From: ${user}\\r\\n\\r\\nhi\\r\\n")
`;
    await run("python3", ["-c", script, String(sandbox.port("smtp-auth")), ca]);
    assert.equal((await sandbox.messages("?service=smtp-auth")).length, 1);
  });
});
