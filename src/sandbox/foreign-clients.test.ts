import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { skipUnless } from "../../test/support/programs.ts";
import { openTestSandbox } from "../../test/support/sandbox.ts";

/** Other people's clients against the receivers: a misreading that our client and our server share would show here. */
const run = promisify(execFile);

const content = "From: a@contoso.example\r\nSubject: from outside\r\n\r\n.dot\r\n..two\r\nlast\r\n";

test("Python's smtplib, with STARTTLS and a certificate that it checks", { skip: skipUnless("python3") }, async () => {
  await using sandbox = await openTestSandbox();
  const ca = join(sandbox.folder, "ca.pem");
  await writeFile(ca, sandbox.ca);
  const script = `
import smtplib, ssl, sys, json
port, ca, content = int(sys.argv[1]), sys.argv[2], sys.stdin.buffer.read()
with smtplib.SMTP("localhost", port, timeout=10) as smtp:
    smtp.ehlo("client.example")
    assert smtp.has_extn("starttls") and smtp.has_extn("pipelining") and smtp.esmtp_features["size"] == "157286400", smtp.esmtp_features
    smtp.starttls(context=ssl.create_default_context(cafile=ca))
    smtp.ehlo("client.example")
    assert not smtp.has_extn("starttls")
    refused = smtp.sendmail("a@contoso.example", ["bob@contoso.example", "full@contoso.example", "550+x@contoso.example", "ann@fabrikam.example"], content)
    print(json.dumps({key: [code, text.decode()] for key, (code, text) in refused.items()}))
`;
  const child = run("python3", ["-c", script, String(sandbox.port("tenant-mx")), ca]);
  child.child.stdin?.end(content);
  const refused = JSON.parse((await child).stdout);
  assert.deepEqual(Object.fromEntries(Object.entries<[number, string]>(refused).map(([key, [code]]) => [key, code])), {
    "full@contoso.example": 452,
    "550+x@contoso.example": 550,
    "ann@fabrikam.example": 550,
  });
  const [message] = await sandbox.messages();
  assert.deepEqual(message?.rcptTo, ["bob@contoso.example"]);
  assert.match(message?.client.tls ?? "none", /^TLSv1\.[23]$/);
  assert.equal(await (await fetch(`${sandbox.url}/api/messages/${message?.id}/raw`)).text(), content);
});

test("swaks", { skip: skipUnless("swaks") }, async () => {
  await using sandbox = await openTestSandbox();
  const server = `127.0.0.1:${sandbox.port("internet-mx")}`;
  await run("swaks", [
    "--server",
    server,
    "--pipeline",
    "--from",
    "a@contoso.example",
    "--to",
    "ann@fabrikam.example",
    "--header",
    "Subject: by swaks",
    "--body",
    "hi",
  ]);
  assert.equal((await sandbox.call("GET", "/api/messages?to=ann@fabrikam.example")).body[0].subject, "by swaks");
  await assert.rejects(
    run("swaks", ["--server", server, "--from", "a@contoso.example", "--to", "permerror@fabrikam.example"]),
    ({ stdout }) => /550 5\.3\.0/.test(stdout),
  );
});

test("curl", { skip: skipUnless("curl") }, async () => {
  await using sandbox = await openTestSandbox();
  const [file, ca] = [join(sandbox.folder, "message.eml"), join(sandbox.folder, "ca.pem")];
  await Promise.all([writeFile(file, content), writeFile(ca, sandbox.ca)]);
  const to = (recipient: string) => [
    "--silent",
    "--show-error",
    "--max-time",
    "10",
    "--ssl-reqd",
    "--cacert",
    ca,
    `smtp://localhost:${sandbox.port("tenant-mx")}/client.example`,
    "--mail-from",
    "a@contoso.example",
    "--mail-rcpt",
    recipient,
    "--upload-file",
    file,
  ];
  await run("curl", to("bob@contoso.example"));
  await assert.rejects(run("curl", to("data-550@contoso.example")));
  const { stdout } = await run("curl", ["--silent", "--fail", `${sandbox.url}/api/messages?to=bob@contoso.example&limit=1`]);
  assert.equal(JSON.parse(stdout)[0].subject, "from outside");
  const moved = await run("curl", ["--silent", "--fail", "--json", '{"advance":"24h"}', `${sandbox.url}/api/clock`]);
  assert.equal(JSON.parse(moved.stdout).advancedMs, 86_400_000);
});
