import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { LetterFault, readLetterHead, readMailboxList } from "./letter-head.ts";

const options = { domain: "contoso.example", readRecipients: true, xFields: false };
const section = (...lines: readonly string[]): string => lines.map((line) => `${line}\r\n`).join("");

suite("the head of a letter without an envelope", () => {
  test("recipients come from To, Cc and Bcc, and Bcc is taken out with its folded lines", () => {
    const head = readLetterHead(
      section(
        "From: App <app@contoso.example>",
        'To: "Doe, Jane" <jane@fabrikam.example>, bob@fabrikam.example',
        "Bcc: boss@contoso.example,",
        "\tjane@fabrikam.example",
        "Subject: x",
      ),
      options,
    );
    assert.deepEqual(head.recipients, ["jane@fabrikam.example", "bob@fabrikam.example", "boss@contoso.example"]);
    assert.equal(
      head.text,
      section("From: App <app@contoso.example>", 'To: "Doe, Jane" <jane@fabrikam.example>, bob@fabrikam.example', "Subject: x"),
    );
    assert.equal(head.author, "app@contoso.example");
  });

  test("names without a domain are completed, as cron writes them", () => {
    const head = readLetterHead(section("From: root (Cron Daemon)", "To: root, Ops <ops>,ann@fabrikam.example"), options);
    assert.deepEqual(head.recipients, ["root@contoso.example", "ops@contoso.example", "ann@fabrikam.example"]);
    assert.match(head.text, /^From: root@contoso\.example \(Cron Daemon\)\r\nTo: root@contoso\.example, Ops <ops@contoso\.example>,ann@/);
  });

  test("what is sent again goes to the Resent- fields alone", () => {
    const head = readLetterHead(section("To: first@a.example", "Resent-To: second@a.example", "Resent-Bcc: third@a.example"), options);
    assert.deepEqual(head.recipients, ["second@a.example", "third@a.example"]);
    assert.doesNotMatch(head.text, /third/);
  });

  test("X-Sender and X-Receiver are the envelope where they are asked for, and stay elsewhere", () => {
    const lines = section("X-Sender: bounce@contoso.example", "X-Receiver: a@a.example", "x-receiver: b@a.example", "To: shown@a.example");
    const head = readLetterHead(lines, { ...options, xFields: true });
    assert.deepEqual(head.recipients, ["a@a.example", "b@a.example"]);
    assert.equal(head.sender, "bounce@contoso.example");
    assert.equal(head.text, section("To: shown@a.example"));
    assert.equal(readLetterHead(section("X-Sender: <>", "To: a@a.example"), { ...options, xFields: true }).sender, null);
    const plain = readLetterHead(lines, options);
    assert.deepEqual(plain.recipients, ["shown@a.example"]);
    assert.match(plain.text, /X-Receiver: a@a\.example/);
  });

  test("a group with nobody in it is no recipient and no fault", () => {
    assert.deepEqual(readLetterHead(section("To: undisclosed-recipients:;", "Bcc: a@a.example"), options).recipients, ["a@a.example"]);
  });

  test("what can be read in two ways is a fault, unless recipients are known", () => {
    assert.throws(() => readLetterHead(section("To: director@a.example <printer@a.example>"), options), LetterFault);
    const same = section("To: ann@a.example <ann@a.example>");
    assert.deepEqual(readLetterHead(same, options).recipients, ["ann@a.example"]);
    const odd = section('To: director@a.example <printer@a.example>, "x@y"@z');
    assert.throws(() => readLetterHead(odd, options), LetterFault);
    assert.equal(readLetterHead(odd, { ...options, readRecipients: false }).text, odd);
    assert.throws(() => readMailboxList("a@a.example\r\nRCPT TO:<b@b.example>", "a.example"), LetterFault);
  });

  test("never throws anything else, and what it gives are addresses and nothing but", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.boolean(), (text, xFields) => {
        const latin1 = Buffer.from(`To:${text}\r\nX-Receiver:${text}\r\n`).toString("latin1");
        try {
          for (const address of readLetterHead(latin1, { ...options, xFields }).recipients)
            assert.match(address, /^[^\r\n<>]+@[^\r\n<>]+$/);
        } catch (error) {
          if (!(error instanceof LetterFault)) throw error;
        }
      }),
      { numRuns: 100 },
    );
  });

  test("its time is linear in what it reads", () => {
    for (const piece of ['"', "(", "<", "a,", "\\", "a ", "((", '"\\']) {
      const started = performance.now();
      for (let n = 0; n < 8; n++)
        try {
          readLetterHead(section(`To: ${piece.repeat(32_000 / piece.length)}`), options);
        } catch (error) {
          assert.ok(error instanceof LetterFault);
        }
      assert.ok(performance.now() - started < 2000, piece);
    }
  });
});
