import assert from "node:assert/strict";
import { test } from "node:test";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, plainHello, routeTo, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import type { SmtpRouteOptions } from "./options.ts";

const envelope = `
  C: MAIL *
  C: RCPT *
  C: DATA
  S: 250 ok
  S: 250 ok
  S: 354 go`;

const short = { connectMs: 2000, greetingMs: 100, commandMs: 100, dataMs: 100, blockMs: 100, endMs: 100 };

const servers: readonly (readonly [what: string, script: string, outcome: string, options?: Partial<SmtpRouteOptions>])[] = [
  ["says nothing", "hang", "delayed 4.2 network.timeout route"],
  ["closes at once", "close", "delayed 4.2 network.connection-lost route"],
  ["greets with 554", "S: 554 5.7.1 you are blocked", "delayed 7.1 remote.unavailable route"],
  ["greets with 421", "S: 421 too busy", "delayed 4.2 remote.unavailable route"],
  ["speaks another protocol", "S: SSH-2.0-OpenSSH_9.2", "delayed 5.0 remote.protocol route"],
  ["greets without end", "flood 220-welcome", "delayed 5.0 remote.protocol route"],
  ["sends a line without end", `S: 220 ${"x".repeat(5000)}`, "delayed 5.0 remote.protocol route"],
  ["greets twice", "S: 220 a\nS: 220 b", "delayed 5.0 remote.protocol route"],
  ["answers EHLO with two codes", "S: 220 a\nC: EHLO *\nS: 250-a\nS: 550 b", "delayed 5.0 remote.protocol route"],
  ["answers EHLO twice", "S: 220 a\nC: EHLO *\nS: 250 b\nS: 250 c\nhang", "delayed 5.0 remote.protocol route"],
  ["refuses EHLO for now", "S: 220 a\nC: EHLO *\nS: 450 4.3.2 not now", "delayed 3.2 remote.unavailable route"],
  ["refuses EHLO and HELO", "S: 220 a\nC: EHLO *\nS: 502 no\nC: HELO *\nS: 502 no", "delayed 4.2 remote.unavailable route"],
  ["hangs after MAIL", `${plainHello}C: MAIL *\nhang`, "delayed 4.2 network.timeout route"],
  ["hangs after RCPT", `${hello}C: MAIL *\nC: RCPT *\nC: DATA\nS: 250 ok\nhang`, "delayed 4.2 network.timeout route"],
  ["answers RCPT with 354", `${hello}C: MAIL *\nS: 250 ok\nS: 354 go`, "delayed 5.0 remote.protocol route"],
  ["answers DATA with 250", `${hello}C: MAIL *\nC: RCPT *\nC: DATA\nS: 250 a\nS: 250 b\nS: 250 c`, "delayed 5.0 remote.protocol route"],
  ["hangs after the content", `${hello}${envelope}\nC.\nhang`, "delayed in doubt 4.2 route.answer-lost message"],
  ["closes after the content", `${hello}${envelope}\nC.\nclose`, "delayed in doubt 4.2 route.answer-lost message"],
  ["answers the content with rubbish", `${hello}${envelope}\nC.\nS: OK!`, "delayed in doubt 4.2 route.answer-lost message"],
  ["answers the content with 354", `${hello}${envelope}\nC.\nS: 354 more`, "delayed in doubt 4.2 route.answer-lost message"],
  ["answers in single bytes", `dribble\n${hello}${envelope}\nC.\nS: 250 ok`, "relayed"],
];

for (const [what, script, outcome, options] of servers) {
  test(`a server that ${what}: ${outcome}`, async () => {
    await using server = await ScriptedSmtpServer.start(script);
    await using route = routeTo(server, { timeouts: short, ...options });
    assert.equal(told(only(await route.deliver(makeTransaction(), never))), outcome);
  });
}

test("a server that resets at once: delayed by the network", async () => {
  await using server = await ScriptedSmtpServer.start("cut");
  await using route = routeTo(server);
  assert.match(told(only(await route.deliver(makeTransaction(), never))), /^delayed 4.[12] network.(connect|connection-lost) route$/);
});

const large = `Subject: large\r\n\r\n${"0123456789\r\n".repeat(700_000)}`;

test("a large message to a server that stops reading: time runs out, not in doubt", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello.replace("SIZE 1000000", "SIZE")}${envelope}\nstop`);
  await using route = routeTo(server, { timeouts: { ...short, blockMs: 200 } });
  assert.equal(
    told(only(await route.deliver(makeTransaction({ text: large, streamed: true }), never))),
    "delayed 4.2 network.timeout route",
  );
});

test("a large message cut off in the middle is not in doubt", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}${envelope}\nC# 100000\ncut`);
  await using route = routeTo(server);
  const transaction = makeTransaction({ text: "0123456789\r\n".repeat(20_000), streamed: true });
  const { content } = transaction;
  const cutInTheMiddle = {
    ...content,
    async *stream() {
      let sent = 0;
      for await (const piece of content.stream()) {
        yield piece;
        sent += piece.length;
        if (sent <= 150_000) continue;
        while (server.open > 0) await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
  const delivery = await route.deliver({ ...transaction, content: cutInTheMiddle }, never);
  assert.equal(told(only(delivery)), "delayed 4.2 network.connection-lost route");
});

test("a large message refused in the middle is refused", async () => {
  await using server = await ScriptedSmtpServer.start(
    `${hello.replace("SIZE 1000000", "SIZE")}${envelope}\nC# 100000\nS: 552 5.3.4 too big\nstop`,
  );
  await using route = routeTo(server);
  assert.equal(
    told(only(await route.deliver(makeTransaction({ text: large, streamed: true }), never))),
    "failed 3.4 remote.too-large message",
  );
});

test("an answer that nobody asked for, while idle, ends the connection and harms no message", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}${envelope}\nC.\nS: 250 ok\nS: 250 ok too`);
  await using route = routeTo(server);
  for (let i = 0; i < 3; i++) assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  assert.equal(server.connections, 3);
});

test("answers to questions that were not asked yet do not make a message relayed", async () => {
  // 250 for the content, before the content.
  await using server = await ScriptedSmtpServer.start(
    `${hello}C: MAIL *\nC: RCPT *\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 queued`,
  );
  await using route = routeTo(server, { timeouts: short });
  assert.equal(
    told(only(await route.deliver(makeTransaction({ text: "x\r\n".repeat(50_000), streamed: true }), never))),
    "delayed 5.0 remote.protocol route",
  );
});

test("control characters in a reply do not come through", async () => {
  await using server = await ScriptedSmtpServer.start(
    `${hello}C: MAIL *\nC: RCPT *\nC: DATA\nS: 250 ok\nS: 550 5.1.1 no \u001b[2J user\nS: 503 no`,
  );
  await using route = routeTo(server);
  const outcome = only(await route.deliver(makeTransaction(), never));
  assert.deepEqual(outcome.action === "failed" && outcome.failure.reply?.lines, ["5.1.1 no ?[2J user"]);
});

test("nobody listens; a name that does not exist; an address that is not allowed", async () => {
  const server = await ScriptedSmtpServer.start("hang");
  const { port } = server;
  await server[Symbol.asyncDispose]();
  await using closed = routeTo({ port });
  assert.equal(told(only(await closed.deliver(makeTransaction(), never))), "delayed 4.1 network.connect route");
  await using nowhere = routeTo({ port }, { host: "no-such-host.invalid" });
  assert.match(told(only(await nowhere.deliver(makeTransaction(), never))), /^delayed (4.1 network.connect|4.3 dns.temporary) route$/);
  await using blocked = routeTo({ port }, { allowPrivate: false });
  assert.equal(told(only(await blocked.deliver(makeTransaction(), never))), "delayed 4.4 network.blocked-address route");
});
