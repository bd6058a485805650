import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { app, DoorUnderTest, loopback, message, testCertificates } from "../../../test/support/smtp-door.ts";

/**
 * Other people's clients against the door: they judge whether we read the standards right.
 * A program that is not installed is skipped with that reason.
 */
const run = promisify(execFile);
const lacks = (program: string, argument = "--version"): string | false =>
  spawnSync(program, [argument]).error === undefined ? false : `${program} is not installed`;

/** Debian's swaks speaks TLS only when libnet-ssleay-perl is installed too. */
function swaksLacksTls(): string | false {
  const support = spawnSync("swaks", ["--support"], { encoding: "utf8" });
  return support.stdout?.includes("TLS supported") ? false : "swaks without libnet-ssleay-perl speaks no TLS";
}

describe("other people's clients", () => {
  let folder: string;
  let door: DoorUnderTest;
  const file = (name: string): string => join(folder, name);
  const port = (listener: string): string => String(door.port(listener));

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "postern-interop-"));
    const { server, authority } = await testCertificates();
    writeFileSync(file("ca.pem"), authority.cert);
    writeFileSync(file("message.eml"), message);
    door = await DoorUnderTest.open({
      listeners: [
        { name: "smtp", kind: "relay", tls: server },
        { name: "submission", kind: "submission", tls: server },
        { name: "submissions", kind: "submissions", tls: server },
      ],
      networks: [loopback],
      principals: [app],
    });
  });
  after(async () => {
    await door[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  /** The message handed in last, with how it came. */
  function last(count: number): { protocol: string; principal: string; content: string; recipients: readonly string[] } {
    assert.equal(door.submit.messages.length, count);
    const submitted = door.submit.messages.at(-1);
    assert.ok(submitted);
    const { draft, content } = submitted;
    return {
      protocol: draft.protocol,
      principal: draft.principal.name,
      content: content.toString(),
      recipients: draft.envelope.recipients.map((recipient) => recipient.address),
    };
  }

  describe("swaks", { skip: lacks("swaks") }, () => {
    const send = async (...options: string[]): Promise<string> => {
      const common = ["--from", "app@contoso.example", "--to", "ada@contoso.example,bob@fabrikam.example", "--ehlo", "app.contoso.example"];
      const { stdout } = await run("swaks", ["--server", "127.0.0.1", ...common, "--timeout", "10", ...options]);
      return stdout;
    };

    test("relay without anything", async () => {
      const count = door.submit.messages.length;
      assert.match(await send("--port", port("smtp")), /250 2\.0\.0 Ok: queued as [0-9A-Z]{11}/);
      const { protocol, principal, recipients } = last(count + 1);
      assert.deepEqual([protocol, principal, recipients], ["ESMTP", "net:loopback", ["ada@contoso.example", "bob@fabrikam.example"]]);
    });

    test("pipelined", async () => {
      const count = door.submit.messages.length;
      assert.match(await send("--port", port("smtp"), "--pipeline"), /queued as/);
      last(count + 1);
    });

    for (const mechanism of ["PLAIN", "LOGIN"]) {
      for (const [listener, tls] of [
        ["submission", "--tls"],
        ["submissions", "--tls-on-connect"],
      ] as const) {
        test(`AUTH ${mechanism} on ${listener}`, { skip: swaksLacksTls() }, async () => {
          const count = door.submit.messages.length;
          const login = ["--auth", mechanism, "--auth-user", "app", "--auth-password", "app-secret"];
          assert.match(await send("--port", port(listener), tls, ...login), /queued as/);
          const { protocol, principal } = last(count + 1);
          assert.deepEqual([protocol, principal], ["ESMTPSA", "app"]);
        });
      }
    }

    test("a wrong password ends with swaks' code for a failed log-in", { skip: swaksLacksTls() }, async () => {
      const login = ["--auth", "PLAIN", "--auth-user", "app", "--auth-password", "wrong"];
      await assert.rejects(send("--port", port("submission"), "--tls", ...login), { code: 28 });
    });
  });

  describe("Python smtplib", { skip: lacks("python3") }, () => {
    const python = async (script: string): Promise<string> => {
      const head = `
import smtplib, ssl, sys
context = ssl.create_default_context(cafile=${JSON.stringify(file("ca.pem"))})
text = ${JSON.stringify(message)}
`;
      writeFileSync(file("client.py"), head + script);
      const { stdout } = await run("python3", [file("client.py")]);
      return stdout;
    };

    test("STARTTLS, log-in, message, wrong recipient", async () => {
      const count = door.submit.messages.length;
      const out = await python(`
with smtplib.SMTP("localhost", ${port("submission")}, timeout=10) as s:
    s.starttls(context=context)
    print(s.login("app", "app-secret")[0])
    print(s.sendmail("app@contoso.example", ["ada@contoso.example"], text))
    try: s.sendmail("director@fabrikam.example", ["ada@contoso.example"], text)
    except smtplib.SMTPSenderRefused as e: print(e.smtp_code, e.smtp_error.decode()[:5])
    print(s.sendmail("app@contoso.example", ["ada@contoso.example"], text))
`);
      assert.deepEqual(out.trim().split("\n"), ["235", "{}", "550 5.7.1", "{}"]);
      assert.equal(last(count + 2).content, message);
    });

    test("implicit TLS, UTF-8 addresses, 8-bit content, a dot at the start of a line", async () => {
      const count = door.submit.messages.length;
      const out = await python(`
from email.message import EmailMessage
m = EmailMessage()
m["From"] = "app@contoso.example"; m["To"] = "zoë@contoso.example"; m["Subject"] = "grüße"
m.set_content(".\\n..\\n.zoë\\n", cte="8bit")
with smtplib.SMTP_SSL("localhost", ${port("submissions")}, context=context, timeout=10) as s:
    s.login("app", "app-secret")
    print(s.send_message(m))
`);
      assert.equal(out.trim(), "{}");
      const { protocol, content, recipients } = last(count + 1);
      assert.deepEqual([protocol, recipients], ["UTF8SMTPSA", ["zoë@contoso.example"]]);
      assert.match(content, /\r\n\.\r\n\.\.\r\n\.zoë\r\n$/);
    });

    test("5 MB over plain SMTP", async () => {
      const count = door.submit.messages.length;
      const out = await python(`
big = text + ("x" * 76 + "\\r\\n") * 70000
with smtplib.SMTP("localhost", ${port("smtp")}, timeout=20) as s:
    print(s.sendmail("app@contoso.example", ["ada@contoso.example"], big))
`);
      assert.equal(out.trim(), "{}");
      assert.equal(last(count + 1).content.length, message.length + 78 * 70_000);
    });
  });

  describe("curl", { skip: lacks("curl") }, () => {
    const curl = (url: string, ...options: string[]) =>
      run("curl", [
        "-sS",
        "--max-time",
        "20",
        "--url",
        url,
        "--cacert",
        file("ca.pem"),
        "--mail-from",
        "app@contoso.example",
        "--mail-rcpt",
        "ada@contoso.example",
        "--upload-file",
        file("message.eml"),
        ...options,
      ]);

    test("plain, STARTTLS with log-in, implicit TLS with log-in", async () => {
      const count = door.submit.messages.length;
      await curl(`smtp://localhost:${port("smtp")}/app.contoso.example`);
      assert.deepEqual([last(count + 1).protocol, last(count + 1).content], ["ESMTP", message]);
      await curl(`smtp://localhost:${port("submission")}`, "--ssl-reqd", "--user", "app:app-secret");
      assert.equal(last(count + 2).protocol, "ESMTPSA");
      await curl(`smtps://localhost:${port("submissions")}`, "--user", "app:app-secret", "--login-options", "AUTH=LOGIN");
      assert.equal(last(count + 3).principal, "app");
    });

    test("a refusal is a failure of curl", async () => {
      await assert.rejects(curl(`smtp://localhost:${port("submission")}`, "--ssl-reqd"), { code: 55 });
    });
  });

  describe("openssl s_client", { skip: lacks("openssl", "version") }, () => {
    const dialog = async (...options: string[]): Promise<string> => {
      const child = spawn("openssl", [
        "s_client",
        "-quiet",
        "-crlf",
        "-verify_return_error",
        "-CAfile",
        file("ca.pem"),
        "-servername",
        "localhost",
        ...options,
      ]);
      let out = "";
      child.stdout.on("data", (chunk: Buffer) => {
        out += chunk.toString();
        if (out.includes("\r\n250 ") && !child.stdin.writableEnded) child.stdin.end("QUIT\n");
      });
      child.stdin.write("EHLO x\n");
      await new Promise((resolve) => child.on("close", resolve));
      return out;
    };

    test("verifies the certificate over STARTTLS and implicit TLS", async () => {
      assert.match(
        await dialog("-connect", `127.0.0.1:${port("submission")}`, "-starttls", "smtp"),
        /250[ -]AUTH PLAIN LOGIN[^]*221 2\.0\.0/,
      );
      assert.match(await dialog("-connect", `127.0.0.1:${port("submissions")}`), /^220 [^]*250[ -]AUTH PLAIN LOGIN[^]*221 2\.0\.0/);
    });
  });

  test("Postfix's smtp-source, a new connection for each message", { skip: lacks("smtp-source", "-h") }, async () => {
    const count = door.submit.messages.length;
    await run("smtp-source", [
      "-s",
      "5",
      "-m",
      "50",
      "-f",
      "app@contoso.example",
      "-t",
      "ada@contoso.example",
      `127.0.0.1:${port("smtp")}`,
    ]);
    last(count + 50);
  });
});
