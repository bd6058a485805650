import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { describe, test } from "node:test";
import { SmtpDialog } from "../../../test/support/smtp-dialog.ts";
import { DoorUnderTest, loopback, message, testCertificates, until } from "../../../test/support/smtp-door.ts";

const relay = { name: "smtp", kind: "relay" } as const;

/** Advances the door's tick by hand: what takes minutes takes none. */
function passSeconds(door: DoorUnderTest, seconds: number): void {
  for (let i = 0; i < seconds; i++) door.door.passSecond();
}

async function inContent(door: DoorUnderTest): Promise<SmtpDialog> {
  const client = await SmtpDialog.open(door.port("smtp"));
  await client.reply();
  await client.say("EHLO x");
  client.send("MAIL FROM:<app@contoso.example>\r\nRCPT TO:<a@contoso.example>\r\nDATA\r\n");
  for (const code of ["250", "250", "354"]) assert.equal((await client.reply()).slice(0, 3), code);
  return client;
}

describe("slow clients", () => {
  test("who says nothing is told 421 4.4.2 after five minutes, and not before", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    using client = await SmtpDialog.open(door.port("smtp"));
    await client.reply();
    passSeconds(door, 299);
    assert.match(await client.say("NOOP"), /^250 /);
    passSeconds(door, 302);
    assert.match(await client.reply(), /^421 4\.4\.2 /);
    await client.closed();
    await door.fact("cut idle");
  });

  test("a command that dribbles in is no sign of life", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    using client = await SmtpDialog.open(door.port("smtp"));
    await client.reply();
    for (let i = 0; i < 31; i++) {
      client.send("N");
      await new Promise(setImmediate);
      passSeconds(door, 10);
    }
    assert.match(await client.reply(), /^421 4\.4\.2 /);
  });

  test("content that stops, and content that dribbles", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    using stopped = await inContent(door);
    passSeconds(door, 182);
    assert.match(await stopped.reply(), /^421 /);
    using dribbling = await inContent(door);
    for (let i = 0; i < 650 && !door.facts.includes("cut too slow"); i++) {
      dribbling.send("x");
      await new Promise(setImmediate);
      passSeconds(door, 1);
    }
    assert.ok(door.facts.includes("cut too slow"));
    await dribbling.closed();
    assert.equal(door.submit.open, 0);
    assert.equal(door.door.contentInMemory, 0);
  });

  test("a slow disk is not the client's fault", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    const gate = Promise.withResolvers<void>();
    door.submit.endGate = gate.promise;
    using client = await inContent(door);
    client.send(`${message}.\r\n`);
    await until(() => door.submit.open === 0);
    passSeconds(door, 500);
    gate.resolve();
    assert.match(await client.reply(), /^250 /);
  });

  test("a handshake that never comes", async () => {
    const { server } = await testCertificates();
    await using door = await DoorUnderTest.open({ listeners: [{ name: "tls", kind: "submissions", tls: server }] });
    using client = await SmtpDialog.open(door.port("tls"));
    await door.fact("connected");
    passSeconds(door, 62);
    await client.closed();
    await door.fact("cut handshake timeout");
  });

  test("who never closes after us is closed", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    using client = await SmtpDialog.open(door.port("smtp"));
    await client.reply();
    await client.say("QUIT");
    await client.closed();
    assert.equal(door.door.connections(), 1);
    passSeconds(door, 12);
    assert.equal(door.door.connections(), 0);
  });
});

describe("floods", () => {
  test("a line without end is cut off with bounded memory", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    const socket = connect({ port: door.port("smtp"), host: "127.0.0.1" });
    socket.on("error", () => undefined);
    let sent = 0;
    const block = Buffer.alloc(64 * 1024, "x");
    const more = (): void => {
      while (!socket.destroyed && sent < 64 * 1024 ** 2) {
        sent += block.length;
        if (!socket.write(block)) return;
      }
    };
    socket.on("drain", more);
    socket.resume();
    more();
    await new Promise((resolve) => socket.on("close", resolve));
    assert.ok(sent < 32 * 1024 ** 2, `took ${sent} bytes`);
  });

  test("whose replies are never read is read no further, and cut off in the end", async () => {
    await using door = await DoorUnderTest.open({ listeners: [{ ...relay, maxRecipients: 10_000_000 }] });
    const socket = connect({ port: door.port("smtp"), host: "127.0.0.1" });
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.pause();
    socket.write("EHLO x\r\nMAIL FROM:<app@contoso.example>\r\n");
    const block = Buffer.from("RCPT TO:<a@contoso.example>\r\n".repeat(2000));
    // The kernel takes some megabytes; then the client's own memory has to.
    let sent = 0;
    await until(() => {
      if (socket.writableLength > 1024 ** 2) return true;
      socket.write(block);
      sent += block.length;
      return false;
    });
    assert.ok(sent < 64 * 1024 ** 2, `took ${sent} bytes`);
    passSeconds(door, 302);
    assert.ok(door.facts.includes("cut does not read"));
    socket.destroy();
  });

  test("ten thousand recipients: each beyond the limit is refused, the message still goes", async () => {
    await using door = await DoorUnderTest.open({ listeners: [{ ...relay, maxRecipients: 100 }] });
    using client = await SmtpDialog.open(door.port("smtp"));
    await client.reply();
    await client.say("EHLO x");
    assert.match(await client.say("MAIL FROM:<app@contoso.example>"), /^250 /);
    client.send(Array.from({ length: 10_000 }, (_, n) => `RCPT TO:<r${n}@contoso.example>\r\n`).join(""));
    const codes = new Map<string, number>();
    let replies = 0;
    while (replies < 10_000) {
      const reply = await client.reply();
      if (reply === "") break;
      replies++;
      codes.set(reply.slice(0, 9), (codes.get(reply.slice(0, 9)) ?? 0) + 1);
    }
    assert.equal(codes.get("250 2.1.5"), 100);
    // 452 for the rest, unless the session has had enough.
    for (const code of codes.keys()) assert.match(code, /^(250 2\.1\.5|452 4\.5\.3|421 4\.7\.0)$/);
    assert.equal(door.submit.open, 0);
  });

  test("too many connections from one address, and in all", async () => {
    await using door = await DoorUnderTest.open({
      listeners: [
        { ...relay, maxConnectionsPerAddress: 3 },
        { name: "small", kind: "relay", maxConnections: 2 },
      ],
    });
    for (const [listener, most] of [
      ["smtp", 3],
      ["small", 2],
    ] as const) {
      const clients: SmtpDialog[] = [];
      for (let i = 0; i < most; i++) {
        const client = await SmtpDialog.open(door.port(listener));
        assert.match(await client.reply(), /^220 /);
        clients.push(client);
      }
      using turnedAway = await SmtpDialog.open(door.port(listener));
      assert.match(await turnedAway.reply(), /^421 4\.7\.0 /);
      await turnedAway.closed();
      assert.match((await clients[0]?.say("QUIT")) ?? "", /^221 /);
      await clients[0]?.closed();
      clients[0]?.socket.end();
      await until(() => door.door.connections() < most);
      using next = await SmtpDialog.open(door.port(listener));
      assert.match(await next.reply(), /^220 /);
      for (const client of clients) client[Symbol.dispose]();
      next.socket.destroy();
      await until(() => door.door.connections() === 0);
    }
    assert.ok(door.facts.includes("turnedAway system.too-many-connections"));
  });

  test("half of a relay's connections are kept for trusted networks", async () => {
    const network = { ...loopback, addresses: ["127.0.0.2"] };
    await using door = await DoorUnderTest.open({ listeners: [{ ...relay, maxConnections: 4 }], networks: [network] });
    const strangers = await Promise.all([1, 2].map(() => SmtpDialog.open(door.port("smtp"))));
    for (const stranger of strangers) assert.match(await stranger.reply(), /^220 /);
    using third = await SmtpDialog.open(door.port("smtp"));
    assert.match(await third.reply(), /^421 /);
    const socket = connect({ port: door.port("smtp"), host: "127.0.0.1", localAddress: "127.0.0.2" });
    await once(socket, "connect");
    using trusted = new SmtpDialog(socket);
    assert.match(await trusted.reply(), /^220 /);
    for (const stranger of strangers) stranger[Symbol.dispose]();
  });

  test("content in memory is bounded over all connections", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay], door: { maxContentInMemory: 100_000 } });
    using first = await inContent(door);
    first.send(Buffer.alloc(199_998, "x\r\n"));
    await until(() => door.door.contentInMemory >= 150_000);
    using second = await SmtpDialog.open(door.port("smtp"));
    await second.reply();
    await second.say("EHLO x");
    await second.say("MAIL FROM:<app@contoso.example>");
    await second.say("RCPT TO:<a@contoso.example>");
    assert.match(await second.say("DATA"), /^45\d 4\.4\.5 /);
    first.send("\r\n.\r\n");
    assert.match(await first.reply(), /^250 /);
    assert.equal(door.door.contentInMemory, 0);
    await second.say("RSET");
    await second.say("MAIL FROM:<app@contoso.example>");
    await second.say("RCPT TO:<a@contoso.example>");
    assert.match(await second.say("DATA"), /^354 /);
  });

  test("a disk that lags behind stops the reading", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    const gate = Promise.withResolvers<void>();
    door.submit.writeGate = gate.promise;
    using client = await inContent(door);
    const total = 20 * 1024 ** 2;
    const line = `${"x".repeat(998)}\r\n`;
    client.send(line.repeat(Math.ceil(total / line.length)));
    // Nothing moves any more once the kernel's buffers and ours are full.
    let before = -1;
    for (let still = 0; still < 50;) {
      still = door.door.contentInMemory === before ? still + 1 : 0;
      before = door.door.contentInMemory;
      await new Promise(setImmediate);
    }
    assert.ok(before < 1024 ** 2, `${before} bytes taken`);
    gate.resolve();
    door.submit.writeGate = null;
    client.send("\r\n.\r\n");
    assert.match(await client.reply(), /^250 /);
    assert.ok((door.submit.messages[0]?.content.length ?? 0) >= total);
  });
});

describe("clients that vanish", () => {
  test("in the middle of content: submission is told, nothing stays", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    const client = await inContent(door);
    client.send(Buffer.alloc(100_000, "x\r\n"));
    await until(() => door.door.contentInMemory > 0);
    client.socket.resetAndDestroy();
    await door.fact("disconnected lost");
    assert.equal(door.submit.aborted, 1);
    assert.equal(door.submit.open, 0);
    assert.equal(door.door.contentInMemory, 0);
    assert.equal(door.door.connections(), 0);
  });

  test("a half-closed connection in the middle of content is over", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    using client = await inContent(door);
    client.socket.end("Subject: half\r\n");
    await client.closed();
    await door.fact("disconnected");
    assert.equal(door.submit.messages.length, 0);
    assert.equal(door.submit.aborted, 1);
  });

  test("while the message is being made durable: it counts, once", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    const gate = Promise.withResolvers<void>();
    door.submit.endGate = gate.promise;
    const client = await inContent(door);
    client.send(`${message}.\r\n`);
    await until(() => door.submit.open === 0);
    client.socket.resetAndDestroy();
    await door.fact("disconnected");
    gate.resolve();
    await door.fact("accepted");
    assert.equal(door.submit.messages.length, 1);
    assert.equal(door.submit.aborted, 0);
    assert.equal(door.door.contentInMemory, 0);
  });

  test("before the greeting", async () => {
    await using door = await DoorUnderTest.open({ listeners: [relay] });
    for (let i = 0; i < 20; i++) {
      const socket = connect({ port: door.port("smtp"), host: "127.0.0.1" });
      await once(socket, "connect");
      socket.resetAndDestroy();
    }
    using client = await SmtpDialog.open(door.port("smtp"));
    assert.match(await client.reply(), /^220 /);
    await until(() => door.door.connections() <= 1);
    assert.ok(door.facts.every((fact) => !fact.startsWith("fault")));
  });
});
