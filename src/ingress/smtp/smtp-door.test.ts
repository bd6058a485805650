import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { describe, test } from "node:test";
import { formatId } from "../../lib/ids.ts";
import { refuse } from "../../mail/refusal.ts";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { app, DoorUnderTest, loopback, message, testCertificates, type DoorTestOptions } from "../../../test/support/smtp-door.ts";

const relay = { name: "smtp", kind: "relay" } as const;

/** A door with one relay listener and a client that has said EHLO. */
async function greeted(options: Partial<DoorTestOptions> = {}): Promise<{ door: DoorUnderTest; client: SmtpDialog } & AsyncDisposable> {
  const door = await DoorUnderTest.open({ listeners: [relay], ...options });
  const client = await SmtpDialog.open(door.port("smtp"));
  assert.match(await client.reply(), /^220 gateway\.contoso\.example ESMTP/);
  assert.match(await client.say("EHLO printer.contoso.example"), /^250-gateway\.contoso\.example/);
  const close = async (): Promise<void> => {
    client[Symbol.dispose]();
    await door[Symbol.asyncDispose]();
  };
  return { door, client, [Symbol.asyncDispose]: close };
}

describe("relay from a trusted network", () => {
  test("a message is handed to submission and answered with its id", async () => {
    await using run = await greeted();
    const { door, client } = run;
    assert.match(await client.say("MAIL FROM:<app@contoso.example> RET=HDRS ENVID=abc"), /^250 2\.1\.0/);
    assert.match(await client.say("RCPT TO:<ada@contoso.example> NOTIFY=FAILURE ORCPT=rfc822;ada@x.example"), /^250 2\.1\.5/);
    assert.match(await client.say("RCPT TO:<bob@fabrikam.example>"), /^250 2\.1\.5/);
    assert.match(await client.say("DATA"), /^354/);
    assert.equal(await client.say(`${message}..dot\r\n.`), `250 2.0.0 Ok: queued as ${formatId(1)}`);
    assert.match(await client.say("QUIT"), /^221 2\.0\.0/);
    await client.closed();
    client.socket.end();
    await door.fact("disconnected QUIT");
    const [submitted] = door.submit.messages;
    assert.ok(submitted);
    const { draft, content, facts } = submitted;
    assert.equal(content.toString(), `${message}.dot\r\n`);
    assert.deepEqual(facts, { size: content.length, leadingDots: true, eightBit: false });
    assert.equal(draft.principal.name, "net:loopback");
    assert.equal(draft.protocol, "ESMTP");
    assert.deepEqual(draft.origin, { door: "smtp", clientAddress: "127.0.0.1", clientName: "printer.contoso.example" });
    assert.equal(draft.envelope.reversePath, "app@contoso.example");
    assert.equal(draft.envelope.envid, "abc");
    assert.equal(draft.envelope.ret, "HDRS");
    assert.deepEqual(
      draft.envelope.recipients.map((recipient) => recipient.address),
      ["ada@contoso.example", "bob@fabrikam.example"],
    );
    assert.equal(draft.envelope.recipients[0]?.orcpt, "rfc822;ada@x.example");
    assert.ok(door.facts.includes(`accepted net:loopback 1 ${content.length}`));
    assert.equal(door.door.contentInMemory, 0);
    assert.equal(door.door.connections(), 0);
  });

  test("many pipelined messages over one connection, replies in order", async () => {
    await using run = await greeted();
    const { door, client } = run;
    const count = 20;
    const one = (n: number): string => `MAIL FROM:<app@contoso.example>\r\nRCPT TO:<r${n}@contoso.example>\r\nDATA\r\n${message}.\r\n`;
    client.send(Array.from({ length: count }, (_, n) => one(n)).join("") + "QUIT\r\n");
    const codes: string[] = [];
    for (let reply = await client.reply(); reply !== ""; reply = await client.reply()) codes.push(reply.slice(0, 3));
    assert.deepEqual(codes, [...Array.from({ length: count }, () => ["250", "250", "354", "250"]).flat(), "221"]);
    assert.deepEqual(
      door.submit.messages.map((submitted) => submitted.draft.envelope.recipients[0]?.address),
      Array.from({ length: count }, (_, n) => `r${n}@contoso.example`),
    );
  });

  test("HELO is answered without extensions and told as SMTP", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    using client = await SmtpDialog.open(door.port("smtp"));
    await client.reply();
    assert.equal(await client.say("HELO old"), "250 gateway.contoso.example");
    client.send(`MAIL FROM:<app@contoso.example>\r\nRCPT TO:<a@contoso.example>\r\nDATA\r\n`);
    for (const code of ["250", "250", "354"]) assert.equal((await client.reply()).slice(0, 3), code);
    assert.match(await client.say(`${message}.`), /^250 /);
    assert.equal(door.submit.messages[0]?.draft.protocol, "SMTP");
  });

  test("a client that closes its half after QUIT still gets every reply", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    const gate = Promise.withResolvers<void>();
    door.submit.endGate = gate.promise;
    using client = await SmtpDialog.open(door.port("smtp"));
    client.socket.end(`EHLO x\r\nMAIL FROM:<app@contoso.example>\r\nRCPT TO:<a@contoso.example>\r\nDATA\r\n${message}.\r\nQUIT\r\n`);
    for (const code of ["220", "250", "250", "250", "354"]) assert.equal((await client.reply()).slice(0, 3), code);
    gate.resolve();
    assert.match(await client.reply(), /^250 2\.0\.0 Ok: queued as/);
    assert.match(await client.reply(), /^221/);
    await client.closed();
  });

  test("what submission refuses is rendered once, and a bug is 451 and logged", async () => {
    await using run = await greeted();
    const { door, client } = run;
    const send = async (): Promise<string> => {
      client.send("MAIL FROM:<app@contoso.example>\r\nRCPT TO:<a@contoso.example>\r\nDATA\r\n");
      for (let i = 0; i < 3; i++) await client.reply();
      return client.say(`${message}.`);
    };
    door.submit.refusal = refuse("spool.full");
    assert.match(await send(), /^452 4\.3\.1 /);
    door.submit.refusal = refuse("submission.author-not-allowed");
    assert.match(await send(), /^550 5\.7\.1 /);
    door.submit.refusal = new TypeError("secret detail");
    const reply = await send();
    assert.match(reply, /^451 4\.3\.0 /);
    assert.doesNotMatch(reply, /secret/);
    assert.match(await door.fact("fault"), /secret detail/);
    door.submit.refusal = null;
    assert.match(await send(), /^250 /);
  });
});

describe("fences", () => {
  const network = { ...loopback, reversePaths: ["@contoso.example", "<>"], recipients: ["@contoso.example"], maxRecipients: 3 };

  test("reverse-path, recipient and number of recipients", async () => {
    await using run = await greeted({ networks: [network] });
    const { client, door } = run;
    assert.match(await client.say("MAIL FROM:<director@fabrikam.example>"), /^550 5\.7\.1 /);
    await door.fact("refused submission.reverse-path-not-allowed");
    assert.match(await client.say("MAIL FROM:<>"), /^250 /);
    assert.match(await client.say("RCPT TO:<x@fabrikam.example>"), /^550 5\.7\.1 /);
    assert.match(await client.say("RCPT TO:<a@contoso.example>"), /^250 /);
    assert.match(await client.say("RCPT TO:<b@contoso.example>"), /^250 /);
    // The refused one counted.
    assert.match(await client.say("RCPT TO:<c@contoso.example>"), /^452 4\.5\.3 /);
    assert.match(await client.say("RSET"), /^250 /);
    assert.match(await client.say("MAIL FROM:<a@contoso.example>"), /^250 /);
    assert.match(await client.say("RCPT TO:<c@contoso.example>"), /^250 /);
  });

  test("rate: told as temporary, and what did not come is given back", async () => {
    await using run = await greeted({ networks: [{ ...loopback, rate: { messages: 2, perMs: 3_600_000 } }] });
    const { client } = run;
    for (let i = 0; i < 5; i++) {
      assert.match(await client.say("MAIL FROM:<a@contoso.example>"), /^250 /);
      assert.match(await client.say("RSET"), /^250 /);
    }
    for (let i = 0; i < 2; i++) {
      client.send("MAIL FROM:<app@contoso.example>\r\nRCPT TO:<a@contoso.example>\r\nDATA\r\n");
      for (const code of ["250", "250", "354"]) assert.equal((await client.reply()).slice(0, 3), code);
      assert.match(await client.say(`${message}.`), /^250 /);
    }
    assert.match(await client.say("MAIL FROM:<app@contoso.example>"), /^4\d\d 4\.7\.\d /);
  });

  test("size: at MAIL when it is declared, at the end when it is not", async () => {
    await using run = await greeted({ networks: [{ ...loopback, maxMessageSize: 50 }] });
    const { client, door } = run;
    assert.match(await client.say("MAIL FROM:<app@contoso.example> SIZE=51"), /^552 5\.3\.4 /);
    client.send("MAIL FROM:<app@contoso.example>\r\nRCPT TO:<a@contoso.example>\r\nDATA\r\n");
    for (const code of ["250", "250", "354"]) assert.equal((await client.reply()).slice(0, 3), code);
    assert.match(await client.say(`${message}.`), /^552 5\.3\.4 /);
    assert.deepEqual([door.submit.open, door.submit.aborted, door.submit.messages.length], [0, 1, 0]);
    assert.match(await client.say("NOOP"), /^250 /);
  });

  test("the most specific network counts", async () => {
    const one = { name: "one", addresses: ["127.0.0.1"], reversePaths: ["one@contoso.example"] };
    await using run = await greeted({ networks: [loopback, one] });
    assert.match(await run.client.say("MAIL FROM:<two@contoso.example>"), /^550 5\.7\.1 /);
    assert.match(await run.client.say("MAIL FROM:<one@contoso.example>"), /^250 /);
  });
});

describe("no open relay", () => {
  const elsewhere = { ...loopback, addresses: ["192.0.2.0/24"] };

  test("a stranger on a relay without TLS gets 550 5.7.1", async () => {
    await using run = await greeted({ networks: [elsewhere] });
    assert.match(await run.client.say("MAIL FROM:<app@contoso.example>"), /^550 5\.7\.1 /);
  });

  test("a stranger where log-in is offered gets 530, and submission wants TLS first", async () => {
    const { server, authority } = await testCertificates();
    await using door = await DoorUnderTest.open({
      listeners: [
        { ...relay, tls: server },
        { name: "submission", kind: "submission", tls: server },
      ],
      networks: [elsewhere],
      principals: [app],
    });
    for (const listener of ["smtp", "submission"]) {
      using client = await SmtpDialog.open(door.port(listener));
      await client.reply();
      const plain = await client.say("EHLO x");
      assert.match(plain, /250[- ]STARTTLS/);
      assert.doesNotMatch(plain, /AUTH/);
      assert.match(await client.say("MAIL FROM:<app@contoso.example>"), listener === "smtp" ? /^550 5\.7\.1 / : /^530 5\.7\.0 /);
      assert.match(await client.say("STARTTLS"), /^220 /);
      await client.startTls({ ca: authority.cert });
      const secure = await client.say("EHLO x");
      assert.match(secure, /250[- ]AUTH PLAIN LOGIN\r?$/m);
      assert.doesNotMatch(secure, /STARTTLS/);
      assert.match(await client.say("MAIL FROM:<app@contoso.example>"), /^530 5\.7\.0 /);
    }
  });

  test("being in a trusted network is not enough on submission", async () => {
    const { server, authority } = await testCertificates();
    await using door = await DoorUnderTest.open({ listeners: [{ name: "submissions", kind: "submissions", tls: server }] });
    using client = await SmtpDialog.openTls(door.port("submissions"), { ca: authority.cert });
    await client.reply();
    await client.say("EHLO x");
    assert.match(await client.say("MAIL FROM:<app@contoso.example>"), /^530 5\.7\.0 /);
  });
});

describe("listening", () => {
  test("a port in use rejects and leaves nothing open", async () => {
    await using other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const door = new DoorUnderTest({ listeners: [relay, { name: "second", kind: "relay", port }] });
    await assert.rejects(door.door.listen(), { code: "EADDRINUSE" });
    assert.ok(!door.door.ready());
    assert.deepEqual(door.door.addresses(), []);
    await door[Symbol.asyncDispose]();
  });

  test("kinds refuse options without what they need", () => {
    const open = (options: DoorTestOptions["listeners"][number]) => () => new DoorUnderTest({ listeners: [options] });
    assert.throws(open({ name: "s", kind: "submission" }), /needs a certificate/);
    assert.throws(open({ name: "s", kind: "submissions" }), /needs a certificate/);
    assert.throws(open({ name: "s", kind: "legacy" }), /needs/);
  });

  test("closing tells the idle and lets a transaction finish", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    const gate = Promise.withResolvers<void>();
    door.submit.endGate = gate.promise;
    const port = door.port("smtp");
    using idle = await SmtpDialog.open(port);
    using busy = await SmtpDialog.open(port);
    await idle.reply();
    await busy.reply();
    await busy.say("EHLO x");
    busy.send(`MAIL FROM:<app@contoso.example>\r\nRCPT TO:<a@contoso.example>\r\nDATA\r\n${message}.\r\n`);
    for (let i = 0; i < 3; i++) await busy.reply();
    const closing = door.door.close(5_000);
    assert.match(await idle.reply(), /^421 4\.3\.2 /);
    await idle.closed();
    gate.resolve();
    assert.match(await busy.reply(), /^250 2\.0\.0 Ok: queued/);
    assert.match(await busy.reply(), /^421 4\.3\.2 /);
    // Neither has closed its side; that is not waited for.
    await closing;
    assert.equal(door.door.connections(), 0);
    assert.equal(door.submit.messages.length, 1);
  });
});
