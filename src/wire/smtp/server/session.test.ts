import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { suite, test } from "node:test";
import fc from "fast-check";
import { fuzzSession, Rehearsal } from "../../../../test/support/smtp-rehearsal.ts";

/** What a session did, apart from how its output was cut into writes. */
function outcome({ output, messages, credentials, hellos, closedReason, tlsStarted }: Rehearsal) {
  return { output, messages, credentials, hellos, closedReason, tlsStarted };
}

async function sameHoweverCut(input: Buffer, sizes: readonly number[]): Promise<void> {
  const expected = outcome(await fuzzSession(input));
  let index = 0;
  const cut = () => (sizes.length === 0 ? 7 : (sizes[index++ % sizes.length] as number));
  assert.deepEqual(outcome(await fuzzSession(input, () => 1)), expected);
  assert.deepEqual(outcome(await fuzzSession(input, cut)), expected);
  assert.deepEqual(outcome(await fuzzSession(input, cut, true)), expected);
  assert.deepEqual(outcome(await fuzzSession(input, undefined, true)), expected);
}

const phrases = [
  "EHLO a\r\n",
  "HELO a\r\n",
  "MAIL FROM:<a@b.example>\r\n",
  "MAIL FROM:<a@b.example> SIZE=9 BODY=8BITMIME SMTPUTF8\r\n",
  "MAIL FROM:<sink@b.example>\r\n",
  "MAIL FROM:<full@b.example>\r\n",
  "RCPT TO:<bob@b.example>\r\n",
  "RCPT TO:<nobody@b.example>\r\n",
  "RCPT TO:<throws@b.example>\r\n",
  "DATA\r\n",
  "BDAT 12\r\n",
  "BDAT 5 LAST\r\n",
  "BDAT 0 LAST\r\n",
  "RSET\r\n",
  "NOOP\r\n",
  "AUTH PLAIN AGFwcABhcHAtc2VjcmV0\r\n",
  "AUTH LOGIN\r\n",
  "AUTH XOAUTH2 dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJlYXJlciBiYWQBAQ==\r\n",
  "YXBw\r\n",
  "*\r\n",
  "STARTTLS\r\n",
  "QUIT\r\n",
  "\r\n",
  ".\r\n",
  "\r\n.\r\n",
  "..\r\n",
  "text\r\n",
  "\n.\n",
  "\r.\r",
  "\n",
  "\r",
  "\0",
  "\u00e4",
  "x".repeat(600),
  "y".repeat(3000),
];
const start = "EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\n";
const input = fc
  .tuple(
    fc.constantFrom("", "EHLO a\r\n", start, `${start}DATA\r\n`, `${start}BDAT 30\r\n`),
    fc.array(
      fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...phrases) }, { weight: 1, arbitrary: fc.string({ unit: "binary-ascii" }) }),
      {
        maxLength: 25,
      },
    ),
  )
  .map(([first, rest]) => Buffer.from(first + rest.join(""), "latin1"));

suite("SMTP server session", () => {
  test("says and takes the same however the input is cut, and keeps its side of the port", async () => {
    await fc.assert(fc.asyncProperty(input, fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }), sameHoweverCut), { numRuns: 300 });
  });

  const corpus = new URL("../../../../test/corpus/smtp/", import.meta.url);
  for (const file of readdirSync(corpus).filter((name) => name.endsWith(".smtp"))) {
    test(`corpus: ${file}`, () => sameHoweverCut(readFileSync(new URL(file, corpus)), [3, 17, 1]));
  }

  test("what a client pipelines is answered in one write", async () => {
    const rehearsal = new Rehearsal();
    rehearsal.session.start();
    await rehearsal.send(Buffer.from("EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n"));
    assert.equal(rehearsal.writes.length, 2);
    await rehearsal.send(Buffer.from("x\r\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n"));
    assert.equal(rehearsal.writes.length, 3);
    assert.equal(rehearsal.messages[0]?.content, "x\r\n");
  });

  test("normalise: bare line endings become CR LF, a look-alike of the end stays content", async () => {
    const rehearsal = new Rehearsal({ lineEndings: "normalise" });
    rehearsal.session.start();
    const text =
      "HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\none\n.\nMAIL FROM:<evil@b.example>\r.\rtwo\r\n.\r\n";
    await rehearsal.send(Buffer.from(text));
    assert.equal(rehearsal.messages.length, 1);
    assert.equal(rehearsal.messages[0]?.content, "one\r\n.\r\nMAIL FROM:<evil@b.example>\r\n.\r\ntwo\r\n");
    assert.equal(rehearsal.messages[0]?.facts.leadingDots, true);
  });

  test("input is bounded while the handler thinks: the wire is paused, and resumed", async () => {
    const rehearsal = new Rehearsal({ maxBuffered: 4096 }, true);
    rehearsal.session.start();
    rehearsal.session.receive(Buffer.from("EHLO a\r\n"));
    for (let i = 0; i < 100; i++) rehearsal.session.receive(Buffer.from("NOOP\r\n"));
    assert.equal(rehearsal.paused, true);
    await rehearsal.settled();
    assert.equal(rehearsal.paused, false);
    assert.equal(rehearsal.output.match(/250 2\.0\.0 Ok\r\n/g)?.length, 100);
  });

  test("a sink that is not ready pauses the wire at once", async () => {
    const rehearsal = new Rehearsal({}, true);
    rehearsal.session.start();
    await rehearsal.send(Buffer.from("HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n"));
    assert.equal(rehearsal.pauses, 0);
    rehearsal.session.receive(Buffer.from("some text\r\n"));
    assert.equal(rehearsal.paused, true);
    await rehearsal.settled();
    assert.equal(rehearsal.paused, false);
  });

  test("a lost connection: the sink lets go, reset and closed once, nothing is written", async () => {
    const rehearsal = new Rehearsal();
    rehearsal.session.start();
    await rehearsal.send(Buffer.from("HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\nhalf a mess"));
    const { output } = rehearsal;
    rehearsal.session.abort("connection reset");
    rehearsal.session.abort("again");
    rehearsal.session.receive(Buffer.from("age\r\n.\r\n"));
    rehearsal.session.idle();
    rehearsal.session.shutdown();
    rehearsal.session.end();
    assert.deepEqual(
      [rehearsal.aborted, rehearsal.resets, rehearsal.closedReason, rehearsal.wireClosed, rehearsal.output],
      [1, 1, "connection reset", false, output],
    );
  });

  test("a connection lost while the handler thinks: told when it has answered", async () => {
    const rehearsal = new Rehearsal({}, true);
    rehearsal.session.start();
    await rehearsal.send(Buffer.from("HELO a\r\n"));
    rehearsal.session.receive(Buffer.from("MAIL FROM:<a@b.example>\r\n"));
    rehearsal.session.abort("connection reset");
    assert.equal(rehearsal.closedReason, null);
    await rehearsal.settled();
    assert.deepEqual([rehearsal.accepted, rehearsal.resets, rehearsal.closedReason], [1, 1, "connection reset"]);
  });

  test("a client that closes its side still gets its answers", async () => {
    const rehearsal = new Rehearsal({}, true);
    rehearsal.session.start();
    rehearsal.session.receive(Buffer.from("HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\nx\r\n.\r\n"));
    rehearsal.session.end();
    await rehearsal.settled();
    assert.equal(rehearsal.messages.length, 1);
    assert.match(rehearsal.output, /250 2\.0\.0 Ok: queued as 1\r\n$/);
    assert.deepEqual([rehearsal.wireClosed, rehearsal.closedReason], [true, "client closed"]);
  });

  test("idle: 421 and close, but not while the handler thinks", async () => {
    const rehearsal = new Rehearsal({}, true);
    rehearsal.session.start();
    rehearsal.session.receive(Buffer.from("EHLO a\r\n"));
    rehearsal.session.idle();
    await rehearsal.settled();
    assert.equal(rehearsal.wireClosed, false);
    rehearsal.session.idle();
    assert.match(rehearsal.output, /\r\n421 4\.4\.2 [^\r]*\r\n$/);
    assert.deepEqual([rehearsal.wireClosed, rehearsal.closedReason], [true, "idle"]);
  });

  test("shutdown: at once between commands, after the answer when content is on its way", async () => {
    const idle = new Rehearsal();
    idle.session.start();
    idle.session.shutdown({ code: 421, lines: ["4.3.2 Bye bye"] });
    assert.equal(idle.output, "220 gateway.example ESMTP\r\n421 4.3.2 Bye bye\r\n");
    assert.equal(idle.wireClosed, true);

    const sending = new Rehearsal();
    sending.session.start();
    await sending.send(Buffer.from("HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\nx\r\n"));
    sending.session.shutdown();
    assert.equal(sending.wireClosed, false);
    await sending.send(Buffer.from(".\r\nNOOP\r\n"));
    assert.match(sending.output, /250 2\.0\.0 Ok: queued as 1\r\n421 4\.3\.2 [^\r]*\r\n$/);
    assert.equal(sending.wireClosed, true);
  });

  test("a refusal instead of the greeting", () => {
    const rehearsal = new Rehearsal();
    rehearsal.session.receive(Buffer.from("EHLO early\r\n"));
    rehearsal.session.start({ code: 421, lines: ["4.7.0 Too many connections"] });
    assert.deepEqual([rehearsal.output, rehearsal.wireClosed, rehearsal.hellos], ["421 4.7.0 Too many connections\r\n", true, []]);
  });

  test("floods end: errors, idle commands, lines without end, far too much content", async () => {
    const end = async (text: string, options = {}) => {
      const rehearsal = new Rehearsal(options);
      rehearsal.session.start();
      await rehearsal.send(Buffer.from(text));
      return [rehearsal.output.split("\r\n").at(-2)?.slice(0, 9), rehearsal.closedReason];
    };
    assert.deepEqual(await end("FOO\r\n".repeat(100)), ["421 4.7.0", "too many errors"]);
    assert.deepEqual(await end("NOOP\r\n".repeat(2000)), ["421 4.7.0", "too many commands without a message"]);
    assert.deepEqual(await end("x".repeat(70_000)), ["500 5.5.2", "a line without end"]);
    assert.deepEqual(await end("x\n".repeat(40_000)), ["500 5.5.2", "a line without end"]);
    const message = "HELO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@b.example>\r\nDATA\r\n";
    assert.deepEqual(await end(`${message}${"x".repeat(70_000)}`, { maxMessageSize: 10 }), ["552 5.3.4", "too large by far"]);
    assert.deepEqual(await end("EHLO a\r\nMAIL FROM:<>\r\nBDAT 999999999999999\r\n"), ["552 5.3.4", "too large by far"]);
  });

  test("another server's words: greeting, keywords, replies", async () => {
    const rehearsal = new Rehearsal({
      greeting: "Microsoft ESMTP MAIL Service ready",
      helloText: ({ name }) => `Hello [${name}]`,
      ehloKeywords: (keywords) => [keywords.find((keyword) => keyword.startsWith("SIZE")) ?? "", "AUTH LOGIN XOAUTH2"],
      auth: ["LOGIN", "XOAUTH2"],
      authWithoutTls: true,
      xoauth2Challenge: null,
      replies: { mailOk: { code: 250, lines: ["2.1.0 Sender OK"] } },
    });
    rehearsal.session.start();
    await rehearsal.send(
      Buffer.from("EHLO a\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nAUTH XOAUTH2 dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJlYXJlciBiYWQBAQ==\r\n"),
    );
    assert.deepEqual(rehearsal.output.split("\r\n"), [
      "220 gateway.example Microsoft ESMTP MAIL Service ready",
      "250-gateway.example Hello [a]",
      "250-SIZE 157286400",
      "250 AUTH LOGIN XOAUTH2",
      "250 2.1.0 Sender OK",
      "250 2.0.0 Ok",
      "535 5.7.8 Authentication credentials are invalid",
      "",
    ]);
  });
});
