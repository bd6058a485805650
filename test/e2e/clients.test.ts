/**
 * The main job, with other people's clients at one end and the sandbox's mailboxes at the other: what is handed in arrives for every
 * recipient with our Received field on top and not a byte of it changed, and `trace` and `why` tell what happened.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { DemoWorld } from "../support/demo-world.ts";
import { skipUnless, skipUnlessSwaksTls } from "../support/programs.ts";
import { runProgram } from "../support/run-program.ts";
import { SmtpDialog } from "../support/smtp-dialog.ts";

const hash = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

const letter = Buffer.from(
  [
    "From: app@contoso.example",
    "To: ann@contoso.example, bob@fabrikam.example",
    "Date: Sat, 21 Nov 2026 12:00:00 +0000",
    "Message-ID: <NAME@client.contoso.example>",
    "Subject: NAME",
    "",
    "Hello,",
    ".",
    "..",
    ".a dot in front",
    "8-bit: \u00e9\u00e8\u00ff",
    "x".repeat(990),
    "",
    "",
  ].join("\r\n"),
  "latin1",
);

/** Sends a file as it is, to all recipients at once. argv: how (plain, starttls, tls), port, CA, file, recipient … */
const smtplib = `
import smtplib, ssl, sys
how, port, ca, path, *recipients = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
smtp = (smtplib.SMTP_SSL("localhost", int(port), context=context, timeout=30) if how == "tls" else smtplib.SMTP("localhost", int(port), timeout=30))
with smtp:
    if how == "starttls": smtp.starttls(context=context)
    if how != "plain": smtp.login("app", "app-secret")
    print(smtp.sendmail("app@contoso.example", recipients, open(path, "rb").read(), mail_options=["BODY=8BITMIME"]))
`;

suite("clients through the demo", { timeout: 180_000, skip: skipUnless("curl", "python3") }, () => {
  let world: DemoWorld;
  before(async () => (world = await DemoWorld.open()));
  after(() => world[Symbol.asyncDispose]());

  /** A letter in a file, and the two recipients that only it has. */
  function prepare(name: string): { content: Buffer; path: string; internal: string; external: string } {
    const content = Buffer.from(letter.toString("latin1").replaceAll("NAME", name), "latin1");
    const path = world.file(`${name}.eml`);
    writeFileSync(path, content);
    return { content, path, internal: `ann+${name}@contoso.example`, external: `bob+${name}@fabrikam.example` };
  }

  /** Both copies: `with` in our Received field, and everything below as it was handed in. */
  async function checkArrival({ content, internal, external }: ReturnType<typeof prepare>, protocol: string): Promise<string> {
    let id = "";
    for (const [address, service] of [
      [internal, "tenant-mx"],
      [external, "internet-mx"],
    ] as const) {
      const message = await world.arrived(address);
      assert.equal(message.service, service);
      // What leaves directly has a bounce address in the reverse-path's place.
      if (service === "tenant-mx") assert.equal(message.mailFrom, "app@contoso.example");
      else assert.match(message.mailFrom, /^b\+[a-z2-7]{40}@bounce\.contoso\.example$/);
      assert.deepEqual(message.rcptTo, [address]);
      const arrived = await world.content(message);
      const added = arrived.subarray(0, arrived.length - content.length).toString("latin1");
      const [, by, found = ""] =
        /^Received: from \S+ \(\[127\.0\.0\.1\]\)\r\n\tby gateway\.contoso\.example \(Postern\) with (\w+) id ([0-9A-Z]{11})\b[^]*?\+0000\r\n(?:DKIM-Signature: [^]*\r\n)?$/.exec(
          added,
        ) ?? [];
      assert.equal(by, protocol, added);
      assert.ok(id === "" || id === found);
      id = found;
      // What leaves directly is signed; the sandbox's public name server has the key.
      assert.equal(/^DKIM-Signature: v=1; a=rsa-sha256; .*d=contoso\.example; s=postern1;/m.test(added), service === "internet-mx", added);
      assert.equal(hash(arrived.subarray(arrived.length - content.length)), hash(content));
    }
    return id;
  }

  for (const [how, door, protocol] of [
    ["plain", "GATEWAY_SMTP", "ESMTP"],
    ["starttls", "GATEWAY_SUBMISSION", "ESMTPSA"],
    ["tls", "GATEWAY_SUBMISSIONS", "ESMTPSA"],
  ] as const) {
    test(`smtplib, ${how}`, async () => {
      const mail = prepare(`smtplib-${how}`);
      const args = ["-c", smtplib, how, String(world.port(door)), world.env("CA_FILE"), mail.path, mail.internal, mail.external];
      const { stdout, stderr } = await runProgram("python3", args);
      assert.equal(stdout, "{}\n", stderr);
      await checkArrival(mail, protocol);
    });
  }

  for (const [name, door, ...options] of [
    ["starttls-plain", "GATEWAY_SUBMISSION", "--tls", "--auth", "PLAIN"],
    ["starttls-login", "GATEWAY_SUBMISSION", "--tls", "--auth", "LOGIN"],
    ["tls-plain", "GATEWAY_SUBMISSIONS", "--tls-on-connect", "--auth", "PLAIN"],
  ] as const) {
    test(`swaks, ${name}`, { skip: skipUnlessSwaksTls() }, async () => {
      const mail = prepare(`swaks-${name}`);
      const { code, stdout } = await runProgram("swaks", [
        ...["--server", "127.0.0.1", "--port", String(world.port(door)), "--timeout", "20"],
        ...["--from", "app@contoso.example", "--to", `${mail.internal},${mail.external}`, "--ehlo", "client.contoso.example"],
        ...["--auth-user", world.env("GATEWAY_USER"), "--auth-password", world.env("GATEWAY_PASSWORD")],
        // swaks ends what it sends with a CR LF of its own.
        ...["--data", mail.content.toString("latin1").replace(/\r\n$/, ""), ...options],
      ]);
      assert.equal(code, 0, stdout);
      // The argument is UTF-8 on the way through swaks.
      await checkArrival({ ...mail, content: Buffer.from(mail.content.toString("latin1"), "utf8") }, "ESMTPSA");
    });
  }

  test("curl, in a chunk of unknown size", async () => {
    const mail = prepare("curl");
    const { code, stderr } = await runProgram(
      "curl",
      [
        ...["-sS", "--max-time", "20", "--url", `smtp://127.0.0.1:${world.port("GATEWAY_SMTP")}`, "--upload-file", "-"],
        ...["--mail-from", "app@contoso.example", "--mail-rcpt", mail.internal, "--mail-rcpt", mail.external],
      ],
      { input: mail.content },
    );
    assert.equal(code, 0, stderr);
    await checkArrival(mail, "ESMTP");
  });

  test("a scanner that says HELO and writes neither Date nor Message-ID nor From", async () => {
    using dialog = await SmtpDialog.open(world.port("GATEWAY_SMTP"));
    assert.match(await dialog.reply(), /^220 gateway\.contoso\.example /);
    for (const line of [
      "HELO SCANNER-3",
      "MAIL FROM: <scanner@contoso.example>",
      "RCPT TO: <ann+scan@contoso.example>",
      "RCPT TO: <bob+scan@fabrikam.example>",
    ]) {
      assert.match(await dialog.say(line), /^250 /, line);
    }
    assert.match(await dialog.say("DATA"), /^354 /);
    const content = "Subject: Scan\r\nMIME-Version: 1.0\r\n\r\nSee attachment.\r\n";
    const id = /queued as (\w+)$/.exec(await dialog.say(`${content}.`))?.[1] ?? "";
    assert.match(await dialog.say("QUIT"), /^221 /);

    for (const address of ["ann+scan@contoso.example", "bob+scan@fabrikam.example"]) {
      const arrived = (await world.content(await world.arrived(address))).toString("latin1");
      assert.ok(arrived.endsWith(`\r\n${content}`), arrived);
      assert.match(arrived, new RegExp(`^Received: from SCANNER-3 \\(\\[127\\.0\\.0\\.1\\]\\)\\r\\n\\tby [^]* with SMTP id ${id};`));
      assert.equal(arrived.match(/^From: <?scanner@contoso\.example>?\r$/gm)?.length, 1);
      assert.equal(arrived.match(/^Date: \w{3}, .* \+0000\r$/gm)?.length, 1);
      assert.equal(arrived.match(/^Message-ID: <\S+@gateway\.contoso\.example>\r$/gm)?.length, 1);
    }
    const trace = await world.trace(id);
    assert.deepEqual(
      trace.recipients.map(({ address, state, attempts }) => ({ address, state, attempts })),
      [
        { address: "ann+scan@contoso.example", state: "relayed", attempts: 1 },
        { address: "bob+scan@fabrikam.example", state: "relayed", attempts: 1 },
      ],
    );
    assert.deepEqual(trace.attempts.map(({ route }) => route).toSorted(), ["internet", "tenant"]);
    const { stdout } = await world.run("trace", id);
    assert.match(stdout, /by the door "smtp" from SCANNER-3 \[127\.0\.0\.1\].*network "loopback".*on disk before/);
    assert.match(
      stdout,
      /Attempt \d by route "tenant" to contoso-example\.mail\.protection\.outlook\.example:25 \[127\.0\.0\.1\] \(TLSv1\.3 .*certificate verified\)/,
    );
    const why = await world.json<{ recipients: { address: string; decision: { rule: string; candidates: string[] } }[] }>("why", id);
    assert.deepEqual(
      why.recipients.map(({ address, decision }) => [address, decision.rule, decision.candidates]),
      [
        ["ann+scan@contoso.example", "internal", ["tenant"]],
        ["bob+scan@fabrikam.example", "external", ["internet"]],
      ],
    );
    assert.match((await world.run("why", id)).stdout, /Rule "internal" decides, because the recipient is internal/);
  });

  test("content of every shape arrives byte for byte", async () => {
    const header = "From: app@contoso.example\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <x@y.example>\r\n";
    const shapes: Readonly<Record<string, string | Buffer>> = {
      "nothing at all": "",
      "no header": "just a line\r\nand another\r\n",
      "no body": header,
      "an empty body": `${header}\r\n`,
      "one byte": `${header}\r\nx\r\n`,
      "only dots": `${header}\r\n.\r\n..\r\n.\r\n\r\n.\r\n`,
      "empty lines at the end": `${header}\r\nHi\r\n\r\n\r\n`,
      "a line of 100 KB": `${header}\r\n${"y".repeat(100_000)}\r\n`,
      "a header of 200 KB": `${header}${Array.from({ length: 200 }, (_, at) => `X-${at}: ${"v".repeat(990)}\r\n`).join("")}\r\nHi\r\n`,
      "UTF-8 in the header": `Subject: Gr\u00fc\u00dfe\r\n${header}\r\nHi\r\n`,
      "every octet but CR, LF, NUL": Buffer.concat([
        Buffer.from(`${header}\r\n`),
        Buffer.from(Array.from({ length: 256 }, (_, at) => at).filter((octet) => ![0, 10, 13].includes(octet))),
        Buffer.from("\r\n"),
      ]),
      "just what fits a row": Buffer.from(`${header}\r\n${"z".repeat(32 * 1024 - header.length - 4)}\r\n`),
      "a byte more": Buffer.from(`${header}\r\n${"z".repeat(32 * 1024 - header.length - 3)}\r\n`),
    };
    for (const [at, [name, shape]] of Object.entries(shapes).entries()) {
      const content = Buffer.from(shape);
      await world.submit({ to: [`shape+${at}@fabrikam.example`], content });
      const arrived = await world.content(await world.arrived(`shape+${at}@fabrikam.example`));
      assert.equal(hash(arrived.subarray(arrived.length - content.length)), hash(content), name);
    }
  });

  test("an attachment of 20 MB", async () => {
    const lines = randomBytes(15 * 1024 * 1024)
      .toString("base64")
      .replace(/.{76}/g, "$&\r\n");
    const content = Buffer.from(
      `From: app@contoso.example\r\nSubject: big\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`,
    );
    const path = world.file("big.eml");
    writeFileSync(path, content);
    const recipients = ["ann+big@contoso.example", "bob+big@fabrikam.example"];
    const args = ["-c", smtplib, "plain", String(world.port("GATEWAY_SMTP")), world.env("CA_FILE"), path, ...recipients];
    assert.equal((await runProgram("python3", args)).stdout, "{}\n");
    for (const address of recipients) {
      const arrived = await world.content(await world.arrived(address));
      assert.equal(hash(arrived.subarray(arrived.length - content.length)), hash(content), address);
    }
  });

  test("nothing that was refused is in the queue, nothing secret in a log", async () => {
    assert.equal(await world.waiting(), 0);
    const { stdout } = await runProgram("grep", ["-rlE", "app-secret|YXBwLXNlY3JldA|AGFwcABhcHAtc2VjcmV0", `${world.data}/log`]);
    assert.equal(stdout, "");
  });
});
