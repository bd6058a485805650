import assert from "node:assert/strict";
import { test } from "node:test";
import { startForeignSmtpServer } from "../../../test/support/foreign-smtp-server.ts";
import { ScriptedSmtpServer } from "../../../test/support/scripted-smtp-server.ts";
import { hello, never, only, plainHello, routeTo, told } from "../../../test/support/smtp-route.ts";
import { makeTransaction } from "../../../test/support/transactions.ts";
import { testRoute } from "../route.contract.ts";

testRoute("smtp", async () => {
  const server = await startForeignSmtpServer();
  const route = routeTo(server);
  return {
    route,
    received: () => Promise.resolve(server.contents),
    async [Symbol.asyncDispose]() {
      await route[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

const three = ["a@fabrikam.example", "b@fabrikam.example", "c@fabrikam.example"];

test("a reply with an id, and where it went", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL FROM:<app@contoso.example> SIZE=62
    C: RCPT TO:<bob@fabrikam.example>
    C: DATA
    S: 250 2.1.0 ok
    S: 250 2.1.5 ok
    S: 354 go
    C.
    S: 250 2.0.0 Ok: queued as 4ABC
    C: QUIT`);
  await using route = routeTo(server);
  const delivery = await route.deliver(makeTransaction(), never);
  server.check();
  assert.deepEqual(only(delivery), { action: "relayed", text: "250 2.0.0 Ok: queued as 4ABC", remoteId: "4ABC" });
  assert.deepEqual(delivery.session, {
    remote: `127.0.0.1:${server.port}`,
    address: "127.0.0.1",
    dsn: true,
    security: "plain",
    securityNote: "the route does not encrypt",
  });
  assert.equal(route.traits.maxSize, 1_000_000);
});

test("a refused recipient harms no other", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT TO:<a@*
    C: RCPT TO:<b@*
    C: RCPT TO:<c@*
    C: DATA
    S: 250 ok
    S: 550 5.1.1 no such user
    S: 250 ok
    S: 450 4.2.0 Greylisted, try again in 5 minutes
    S: 354 go
    C.
    S: 250 ok`);
  await using route = routeTo(server);
  const { outcomes } = await route.deliver(makeTransaction({ to: three }), never);
  server.check();
  const [a, b, c] = outcomes.values();
  assert.ok(a && b && c);
  assert.equal(told(a), "failed 1.1 remote.no-such-recipient recipient");
  assert.deepEqual(a.action === "failed" && a.failure.reply, { code: 550, lines: ["5.1.1 no such user"] });
  assert.equal(told(b), "relayed");
  assert.equal(told(c), "delayed 2.0 remote.delayed recipient");
  assert.equal(c.action === "delayed" && c.notBefore, 301_000);
});

test("354 though every recipient was refused: a lone dot, and the answer to it is not believed", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    begin
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 550 5.7.1 no relaying
    S: 354 go
    C: .
    S: 250 queued as NOTHING
    loop`);
  await using route = routeTo(server);
  for (let i = 0; i < 2; i++)
    assert.equal(told(only(await route.deliver(makeTransaction(), never))), "failed 7.1 remote.refused-by-policy recipient");
  server.check();
  assert.equal(server.connections, 1);
});

test("DATA refused after a recipient was refused: RSET comes with the next MAIL", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 452 4.5.3 too many recipients
    S: 503 5.5.1 no valid recipients
    C: RSET
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 250 ok`);
  await using route = routeTo(server);
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 5.3 remote.delayed recipient");
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  server.check();
  assert.equal(server.connections, 1);
});

test("a refused sender is the message's trouble, for all recipients", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT *
    C: RCPT *
    C: RCPT *
    C: DATA
    S: 550 5.1.8 Access denied, bad outbound sender
    S: 503 5.5.1 no
    S: 503 5.5.1 no
    S: 503 5.5.1 no
    S: 503 5.5.1 no`);
  await using route = routeTo(server);
  const { outcomes } = await route.deliver(makeTransaction({ to: three }), never);
  server.check();
  assert.deepEqual([...outcomes.values()].map(told), Array(3).fill("failed 1.8 remote.refused-sender message"));
});

test("the answer to the content is for all accepted recipients", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    begin
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 554 5.7.1 spam
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 451 try later`);
  await using route = routeTo(server);
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "failed 7.1 remote.refused-by-policy message");
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "delayed 0.0 remote.delayed message");
  server.check();
});

test("without PIPELINING one command at a time, and no DATA for nobody", async () => {
  await using server = await ScriptedSmtpServer.start(`${plainHello}
    C: MAIL FROM:<app@contoso.example>
    S: 250 ok
    C: RCPT TO:<a@fabrikam.example>
    S: 550 no
    C: RCPT TO:<b@fabrikam.example>
    S: 250 ok
    C: DATA
    S: 354 go
    C.
    S: 250 ok
    C: MAIL *
    S: 250 ok
    C: RCPT *
    S: 550 no
    C: RSET
    S: 250 ok
    C: MAIL *
    S: 552 5.3.4 too big
    C: MAIL *
    S: 250 ok
    C: RCPT *
    S: 250 ok
    C: DATA
    S: 354 go
    C.
    S: 250 ok
    C: QUIT`);
  {
    await using route = routeTo(server);
    const { outcomes } = await route.deliver(makeTransaction({ to: three.slice(0, 2) }), never);
    assert.deepEqual([...outcomes.values()].map(told), ["failed 1.0 remote.refused-recipient recipient", "relayed"]);
    assert.equal(told(only(await route.deliver(makeTransaction(), never))), "failed 1.0 remote.refused-recipient recipient");
    assert.equal(told(only(await route.deliver(makeTransaction(), never))), "failed 3.4 remote.too-large message");
    assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  }
  server.check();
  for (const chunk of server.chunks[0] ?? [])
    assert.ok(chunk.endsWith("\r\n") && (chunk.split("\r\n").length === 2 || chunk.endsWith(".\r\n")), chunk);
});

test("HELO where EHLO is not known", async () => {
  await using server = await ScriptedSmtpServer.start(`
    S: 220 old
    C: EHLO *
    S: 500 what?
    C: HELO gateway.contoso.example
    S: 250 old
    C: MAIL FROM:<app@contoso.example>
    S: 250 ok
    C: RCPT *
    S: 250 ok
    C: DATA
    S: 354 go
    C.
    S: 250 ok`);
  await using route = routeTo(server);
  assert.equal(told(only(await route.deliver(makeTransaction(), never))), "relayed");
  server.check();
});

test("what the server cannot take is not sent", async () => {
  await using server = await ScriptedSmtpServer.start(`
    S: 220 mx
    C: EHLO *
    S: 250-mx
    S: 250-PIPELINING
    S: 250 SIZE 1000
    C: MAIL FROM:<app@contoso.example> SIZE=*
    C: RCPT TO:<plain@fabrikam.example>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 250 ok`);
  await using route = routeTo(server);
  const send = async (given: Parameters<typeof makeTransaction>[0]) =>
    [...(await route.deliver(makeTransaction(given), never)).outcomes.values()].map(told);
  assert.deepEqual(await send({ text: "x".repeat(1001) }), ["failed 3.4 remote.too-large message"]);
  assert.deepEqual(await send({ text: "Subject: x\r\n\r\nGrüße\r\n" }), ["failed 6.3 remote.no-8bitmime message"]);
  assert.deepEqual(await send({ from: "jürgen@contoso.example", envelope: { smtputf8: true } }), ["failed 6.7 remote.no-smtputf8 message"]);
  assert.deepEqual(await send({ from: "a\r\nRCPT TO:<x@y>@contoso.example" }), ["failed 1.7 submission.sender-syntax message"]);
  assert.deepEqual(await send({ to: ["a>\r\nDATA\r\n@x"] }), ["failed 1.3 submission.address-syntax recipient"]);
  assert.deepEqual(await send({ to: ["jürgen@fabrikam.example", "plain@fabrikam.example"], envelope: { smtputf8: true } }), [
    "failed 6.7 remote.no-smtputf8 recipient",
    "relayed",
  ]);
  server.check();
  assert.equal(server.connections, 1);
});

test("parameters only where they were offered: DSN, 8BITMIME, SMTPUTF8", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL FROM:<jürgen@contoso.example> SIZE=* BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+20b+3Dc
    C: RCPT TO:<bob@fabrikam.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+2Bx@example.net
    C: RCPT TO:<eve@fabrikam.example> NOTIFY=NEVER
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 250 ok`);
  await using route = routeTo(server);
  const wishes = { never: false, success: true, failure: false, delay: true };
  const { outcomes } = await route.deliver(
    makeTransaction({
      from: "jürgen@contoso.example",
      text: "Subject: Grüße\r\n\r\n",
      to: [
        { address: "bob@fabrikam.example", notify: wishes, orcpt: "rfc822;bob+x@example.net" },
        { address: "eve@fabrikam.example", notify: { never: true, success: false, failure: false, delay: false } },
      ],
      envelope: { envid: "a b=c", ret: "HDRS", smtputf8: true },
    }),
    never,
  );
  assert.deepEqual([...outcomes.values()].map(told), ["relayed", "relayed"]);
  server.check();
});

test("whether success is the next hop's to report, by what it offers", async () => {
  for (const offers of [true, false]) {
    const script = offers ? hello : hello.replace("S: 250-DSN\n", "");
    await using server = await ScriptedSmtpServer.start(`${script}
      C: MAIL *
      C: RCPT *
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C.
      S: 250 ok`);
    await using route = routeTo(server);
    const { session } = await route.deliver(makeTransaction(), never);
    assert.equal(session.dsn === true, offers);
  }
});

test("a streamed message that cannot be read to its end is not sent as a shorter one", async () => {
  await using server = await ScriptedSmtpServer.start(`${hello}
    C: MAIL *
    C: RCPT *
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C.
    S: 250 ok`);
  await using route = routeTo(server);
  const transaction = makeTransaction({ streamed: true });
  const broken = {
    ...transaction,
    content: {
      ...transaction.content,
      async *stream() {
        yield Buffer.from("Subject: half\r\n");
        throw new Error("EIO");
      },
    },
  };
  assert.equal(told(only(await route.deliver(broken, never))), "delayed 3.0 spool.unavailable message");
  assert.deepEqual(server.contents, []);
});
